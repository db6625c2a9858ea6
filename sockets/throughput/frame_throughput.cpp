// Bulk transfer of Ethernet frames: engine packet uses packet sockets (packet(7)), engine xdp uses
// AF_XDP sockets.
#include "sockets/ethernet/ethernet.h"
#include "sockets/ethernet/packet_ring.h"
#include "sockets/ethernet/packet_socket.h"
#include "sockets/ethernet/xdp_socket.h"
#include "sockets/throughput/frame_transfer.h"
#include "sockets/throughput/transfer_engines.h"

namespace pingperf {
namespace {

void send_packets(FlowGroup& group, Meter& meter) {
  group.options.mapped_ring.value_or(false) ? send_frames<PacketRing>(group, meter)
                                            : send_frames<PacketSocket>(group, meter);
}

void receive_packets(FlowGroup& group, Meter& meter) {
  group.options.mapped_ring.value_or(false) ? receive_frames<PacketRing>(group, meter)
                                            : receive_frames<PacketSocket>(group, meter);
}

constexpr TransferOps kPacketOps = {send_packets, receive_packets, kEthernet};
constexpr TransferOps kXdpOps = {send_frames<XdpSocket>, receive_frames<XdpSocket>, kEthernet};

// Returns the row as an engine with one flow in one direction.
Engine make_frame_engine(TransferRow row) {
  for (const char* parameter : {"interface.client", "interface.server", "wait", "verify"})
    row.parameters.emplace_back(parameter);
  Engine engine = make_transfer_engine(row);
  for (const std::string_view parameter : {"streams", "bidirectional"})
    std::erase(engine.parameters, parameter);
  engine.serves_external = false;
  engine.validate = [general = engine.validate](const Options& o) {
    const auto error = validate_ethernet(o);
    return error ? error : general(o);
  };
  return engine;
}

}  // namespace

const Engine& packet_throughput() {
  static const Engine engine =
      make_frame_engine({.name = "packet",
                         .summary = kPacketSummary,
                         .transport = Transport::ethernet,
                         .ops = kPacketOps,
                         .parameters = {"mapped_ring", "qdisc_bypass", "busy_poll"},
                         .unavailable = packet_unavailable});
  return engine;
}

const Engine& xdp_throughput() {
  static const Engine engine = [] {
    Engine xdp = make_frame_engine({.name = "xdp",
                                    .summary = kXdpSummary,
                                    .transport = Transport::ethernet,
                                    .ops = kXdpOps,
                                    .parameters = {"zero_copy", "need_wakeup", "busy_poll"},
                                    .unavailable = xdp_unavailable});
    for (const std::string_view parameter : {"send_buffer", "receive_buffer"})
      std::erase(xdp.parameters, parameter);
    return xdp;
  }();
  return engine;
}

}  // namespace pingperf
