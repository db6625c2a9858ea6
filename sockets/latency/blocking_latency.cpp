// The ping-pong engines with a thread per flow: blocking sleeps in the kernel, spin polls, hybrid
// polls for a while and then sleeps.
#include "sockets/core/cpu_set.h"
#include "sockets/latency/blocking_loops.h"
#include "sockets/latency/latency_engines.h"
#include "sockets/latency/open_loop.h"
#include "sockets/latency/stamped_pingpong.h"
#include "sockets/latency/stream_pingpong.h"

namespace pingperf {
namespace {

// Runs the client's loop for the options.
template <Wait wait, bool stream>
void ping(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const Options& o = config.options;
  if (o.frequency_hz) return ping_on_schedule<OneFlowWaiter<wait>>(t, meter, config);
  if (o.timestamps) return ping_stamped<wait>(t, meter, config);
  if (o.in_flight.value_or(1) > 1) return run_pipelined<wait>(t, meter, config);
  if (o.think_time.value_or(0) > 0 || o.size_mix) return ping_shaped<wait>(t, meter, config);
  return stream ? ping_stream<wait>(t, meter, config) : ping_datagrams<wait>(t, meter, config);
}

template <Wait wait, bool stream>
void pong(PingThread& t, Meter& meter, const EndpointConfig& config) {
  if (config.options.timestamps) return pong_stamped<wait>(t, meter, config);
  if (config.options.size_mix) return pong_mixed<wait>(t, meter, config);
  return stream ? pong_stream<wait>(t, meter, config) : pong_datagrams<wait>(t, meter, config);
}

std::optional<std::string> validate_thread_per_flow(const Options& o) {
  constexpr std::uint64_t kMaxFlows = 1024;
  const std::uint64_t streams = o.streams.value_or(1);
  if (streams > kMaxFlows)
    return "streams: at most 1024, because each flow has a thread; engines epoll and io_uring "
           "serve "
           "many flows by one thread";
  if (o.frequency_hz && streams > 1)
    return "frequency: requires streams: 1, because each flow has a thread and one thread keeps "
           "the "
           "schedule; use engine epoll";
  return validate_timestamps(o);
}

template <Wait wait>
LatencyFamily family(std::string_view name, std::string_view summary) {
  return {
      .name = name,
      .summary = summary,
      .ping_stream = ping<wait, true>,
      .pong_stream = pong<wait, true>,
      .ping_datagrams = ping<wait, false>,
      .pong_datagrams = pong<wait, false>,
      .parameters = {"frequency", "arrivals", "in_flight", "think_time", "size_mix"},
      .flow_parameters = {"streams"},
      .inet_parameters = {"timestamps"},
      .validate = validate_thread_per_flow,
  };
}

// Two ends that spin on one CPU wait for the time slices of the scheduler: 8 ms per ping.
std::optional<std::string> validate_spin(const Options& o) {
  if (threads_share_a_cpu(o) && o.transport != Transport::icmp)
    return "engine spin with both ends on one CPU measures the scheduler: pin the ends to "
           "different CPUs or use engine blocking";
  const auto has_too_few = [&](const std::optional<std::string>& pin) {
    const auto cpus = pin ? parse_cpus(*pin) : std::nullopt;
    return cpus && cpus->size() < o.streams.value_or(1);
  };
  if (has_too_few(o.client_cpu) || has_too_few(o.server_cpu))
    return "engine spin with several streams on one CPU measures the scheduler: pin each end to a "
           "CPU per stream or use engine blocking";
  return validate_thread_per_flow(o);
}

}  // namespace

std::span<const Engine> blocking_latency() {
  static const std::vector<Engine> engines =
      make_latency_engines(family<Wait::block>("blocking", kBlockingSummary));
  return engines;
}

std::span<const Engine> spin_latency() {
  static const std::vector<Engine> engines = [] {
    LatencyFamily spin = family<Wait::spin>("spin", kSpinSummary);
    spin.validate = validate_spin;
    return make_latency_engines(spin);
  }();
  return engines;
}

std::span<const Engine> hybrid_latency() {
  static const std::vector<Engine> engines = [] {
    LatencyFamily hybrid = family<Wait::hybrid>("hybrid", kHybridSummary);
    hybrid.parameters.push_back("spin_time");
    return make_latency_engines(hybrid);
  }();
  return engines;
}

}  // namespace pingperf
