#include "sockets/latency/connect_engines.h"

#include <fcntl.h>

#include "sockets/core/error.h"
#include "sockets/core/limits.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

// Admits one connection of the client, as for a stream. Returns the listener once per thread,
// because the connections of the pings follow while the server runs.
std::vector<Fd> admit_client(Fd listener, const EndpointConfig& config, std::size_t,
                             std::uint64_t& rejected) {
  const auto duplicate = [&] {
    return Fd(check(::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0), "dup of the listener"));
  };
  kStreams.admit(duplicate(), config, 1, rejected);
  std::vector<Fd> flows;
  for (std::size_t i = 0, count = thread_count(config.options); i < count; ++i)
    flows.push_back(set_up_one("thread", i + 1, count, duplicate));
  return flows;
}

// Opens the connection that admit_client() admits. Returns no flows.
std::vector<Fd> be_admitted(const EndpointConfig& config, std::size_t) {
  if (!config.external) kStreams.connect(config, 1);
  return {};
}

constexpr TransportOps kOneByOne = {listen_stream, admit_client, be_admitted};

Engine make_connect_engine(const ConnectFamily& family, Transport transport) {
  const PingPongOps ops = {family.ping, family.pong, kOneByOne};
  Engine engine = {
      .name = family.name,
      .summary = family.summary,
      .kind = Kind::connect,
      .transport = transport,
      .parameters = {"message_size", "response_size", "think_time", "streams", "duration", "warmup",
                     "messages", "pin.client", "pin.server", "cpu_wakeful", "verify", "samples"},
      .unavailable =
          [unavailable = family.unavailable, transport] {
            const auto why = unavailable();
            return !why && transport == Transport::mptcp ? mptcp_unavailable() : why;
          },
      .listen = [ops](const EndpointConfig& s) { return listen_pingpong(ops, s); },
      .connect = [ops](const EndpointConfig& s) { return connect_pingpong(ops, s); },
      .validate = validate_threads,
      .serves_external = true,
  };
  const auto add = [&](const std::vector<std::string_view>& more) {
    engine.parameters.insert(engine.parameters.end(), more.begin(), more.end());
  };
  add(family.parameters);
  if (has_port(transport)) add({"nodelay", "tos", "ip", "port", "reset_on_close"});
  return engine;
}

}  // namespace

std::vector<Engine> make_connect_engines(const ConnectFamily& family) {
  std::vector<Engine> engines;
  // Not over unix-seqpacket: the server reads the token apart from the ping in the same packet, and
  // the kernel would discard the rest of the packet.
  for (const Transport transport : {Transport::tcp, Transport::unix_stream, Transport::mptcp})
    engines.push_back(make_connect_engine(family, transport));
  return engines;
}

}  // namespace pingperf
