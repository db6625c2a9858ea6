// Ping-pong over Ethernet frames: engine packet uses packet sockets (packet(7)), engine xdp uses
// AF_XDP sockets.
#include "sockets/core/cpu_set.h"
#include "sockets/engines.h"
#include "sockets/ethernet/ethernet.h"
#include "sockets/ethernet/packet_ring.h"
#include "sockets/ethernet/packet_socket.h"
#include "sockets/ethernet/xdp_socket.h"
#include "sockets/latency/frame_pingpong.h"

namespace pingperf {
namespace {

bool spins(const Options& o) {
  return o.wait == "spin";
}

// Run the loop for the options.
template <typename Port>
void ping_by(PingThread& t, Meter& meter, const EndpointConfig& config) {
  spins(config.options) ? ping_frames<Wait::spin, Port>(t, meter, config)
                        : ping_frames<Wait::block, Port>(t, meter, config);
}

template <typename Port>
void pong_by(PingThread& t, Meter& meter, const EndpointConfig& config) {
  spins(config.options) ? pong_frames<Wait::spin, Port>(t, meter, config)
                        : pong_frames<Wait::block, Port>(t, meter, config);
}

void ping_packets(PingThread& t, Meter& meter, const EndpointConfig& config) {
  config.options.mapped_ring.value_or(false) ? ping_by<PacketRing>(t, meter, config)
                                             : ping_by<PacketSocket>(t, meter, config);
}

void pong_packets(PingThread& t, Meter& meter, const EndpointConfig& config) {
  config.options.mapped_ring.value_or(false) ? pong_by<PacketRing>(t, meter, config)
                                             : pong_by<PacketSocket>(t, meter, config);
}

// Two ends that spin on one CPU wait for the time slices of the scheduler.
std::optional<std::string> validate_frames(const Options& o) {
  if (spins(o) && threads_share_a_cpu(o))
    return "wait: spin with both ends on one CPU measures the scheduler: pin the ends to different "
           "CPUs or use wait: sleep";
  return validate_ethernet(o);
}

Engine make_engine(std::string_view name, std::string_view summary, const PingPongOps& ops,
                   std::vector<std::string_view> parameters,
                   std::optional<std::string> (*unavailable)()) {
  parameters.insert(
      parameters.begin(),
      {"message_size", "duration", "warmup", "messages", "interface.client", "interface.server",
       "wait", "pin.client", "pin.server", "cpu_wakeful", "ping_timeout", "verify", "samples"});
  return {
      .name = name,
      .summary = summary,
      .kind = Kind::latency,
      .transport = Transport::ethernet,
      .parameters = std::move(parameters),
      .unavailable = unavailable,
      .listen = [ops](const EndpointConfig& c) { return listen_pingpong(ops, c); },
      .connect = [ops](const EndpointConfig& c) { return connect_pingpong(ops, c); },
      .validate = validate_frames,
  };
}

}  // namespace

const Engine& packet_latency() {
  static const Engine engine =
      make_engine("packet", kPacketSummary, {ping_packets, pong_packets, kEthernet},
                  {"mapped_ring", "qdisc_bypass", "send_buffer", "receive_buffer", "busy_poll"},
                  packet_unavailable);
  return engine;
}

const Engine& xdp_latency() {
  static const Engine engine =
      make_engine("xdp", kXdpSummary, {ping_by<XdpSocket>, pong_by<XdpSocket>, kEthernet},
                  {"zero_copy", "need_wakeup", "busy_poll"}, xdp_unavailable);
  return engine;
}

}  // namespace pingperf
