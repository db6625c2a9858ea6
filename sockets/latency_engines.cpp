// The ping-pong engines whose loops differ in how they wait: asleep in the kernel (blocking), or
// asking again and again (spin). One row for each transport.
#include "sockets/datagram_pingpong.h"
#include "sockets/engines.h"
#include "sockets/stream_pingpong.h"

namespace pingperf {
namespace {

using Parameters = std::vector<std::string_view>;

Parameters with(Parameters more) {
  Parameters all = {"message_size", "duration",       "warmup",     "messages",
                    "send_buffer",  "receive_buffer", "pin.client", "pin.server"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// Two that spin on one CPU wait for the scheduler's slice, not for each other: 8 ms a ping.
std::optional<std::string> object_to_one_cpu(const Options& o) {
  if (!o.client_cpu || o.client_cpu != o.server_cpu) return std::nullopt;
  return "spin with both ends on one CPU measures the scheduler: pin them to two, or use blocking";
}

std::optional<std::string> object_to_spin_datagram(const Options& o) {
  const auto objection = datagram_objection(o);
  return objection ? objection : object_to_one_cpu(o);
}

template <Wait wait>
Engine make_engine(Transport transport, Parameters parameters) {
  constexpr bool spins = wait == Wait::spin;
  const bool datagrams = transport == Transport::udp || transport == Transport::unix_datagram;
  Engine engine = {
      .name = spins ? "spin" : "blocking",
      .summary = spins ? kSpinSummary : kBlockingSummary,
      .kind = Kind::latency,
      .transport = transport,
      .parameters = with(std::move(parameters)),
      .unavailable = transport == Transport::mptcp ? mptcp_unavailable : always_available,
      .listen = [](const Session& s) { return listen_pingpong(kStreamPingPong<wait>, s); },
      .connect = [](const Session& s) { return connect_pingpong(kStreamPingPong<wait>, s); },
      .objection = spins ? object_to_one_cpu : nullptr,
  };
  if (datagrams) {
    engine.listen = [](const Session& s) { return listen_pingpong(kDatagramPingPong<wait>, s); };
    engine.connect = [](const Session& s) { return connect_pingpong(kDatagramPingPong<wait>, s); };
    engine.objection = spins ? object_to_spin_datagram : datagram_objection;
  }
  return engine;
}

template <Wait wait>
std::vector<Engine> make_engines() {
  return {
      make_engine<wait>(Transport::tcp, {"nodelay", "congestion_control", "tos", "ip", "port"}),
      make_engine<wait>(Transport::udp, {"tos", "ip", "port"}),
      make_engine<wait>(Transport::unix_stream, {}),
      make_engine<wait>(Transport::unix_datagram, {}),
      make_engine<wait>(Transport::mptcp, {"nodelay", "congestion_control", "tos", "ip", "port"}),
  };
}

}  // namespace

std::span<const Engine> blocking_latency() {
  static const std::vector<Engine> engines = make_engines<Wait::block>();
  return engines;
}

std::span<const Engine> spin_latency() {
  static const std::vector<Engine> engines = make_engines<Wait::spin>();
  return engines;
}

}  // namespace pingperf
