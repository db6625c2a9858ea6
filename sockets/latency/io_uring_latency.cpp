// The ping-pong engine of io_uring(7): its loops and its rows.
#include "sockets/latency/io_uring_flows.h"
#include "sockets/latency/io_uring_pipelined.h"
#include "sockets/latency/latency_engines.h"

namespace pingperf {
namespace {

void ping(PingThread& t, Meter& meter, const EndpointConfig& config) {
  if (config.options.in_flight.value_or(1) > 1) return ping_ring_pipelined(t, meter, config);
  if (config.options.size_mix || config.options.think_time.value_or(0) > 0)
    return ping_shaped_flows(t, meter, config);
  ping_flows<false, false>(t, meter, config);
}

void pong(PingThread& t, Meter& meter, const EndpointConfig& config) {
  if (config.options.in_flight.value_or(1) > 1) return pong_ring_pipelined(t, meter, config);
  config.options.size_mix ? pong_flows<true>(t, meter, config)
                          : pong_flows<false>(t, meter, config);
}

}  // namespace

std::span<const Engine> io_uring_latency() {
  static const std::vector<Engine> engines = make_latency_engines({
      .name = "io_uring",
      .summary = kIoUringSummary,
      .ping_stream = ping,
      .pong_stream = pong,
      .ping_datagrams = ping,
      .pong_datagrams = pong,
      .parameters = {"sqpoll", "in_flight", "think_time", "size_mix"},
      .flow_parameters = {"streams", "threads"},
      .unavailable = io_uring_unavailable,
  });
  return engines;
}

}  // namespace pingperf
