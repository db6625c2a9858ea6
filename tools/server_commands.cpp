// pingperf pong and sink: two servers for use by hand.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>

#include "harness/base/counted.h"
#include "harness/base/interrupt.h"
#include "harness/base/units.h"
#include "harness/base/usage_error.h"
#include "harness/report/results_table.h"
#include "sockets/commands/pong_server.h"
#include "sockets/commands/sink_server.h"
#include "sockets/transport/datagram.h"
#include "sockets/transport/raw.h"
#include "sockets/transport/stream.h"
#include "tools/addresses.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

// Returns the configuration of a server that listens on `bind`. Throws UsageError if the address is
// wrong. A unix socket has no default path.
EndpointConfig server_config(const char* command, const std::string& bind, Transport transport,
                             std::uint16_t port) {
  if (transport == Transport::unix_stream && bind == kLoopback)
    throw UsageError(
        fmt::format("pingperf {}: a unix socket requires a path: --bind PATH", command));
  EndpointConfig config;
  config.options.transport = transport;
  config.address = read_addresses(command, bind, transport, port).front();
  return config;
}

// Serves in a thread until Ctrl-C or until the socket fails. The thread may be blocked by a client,
// so it is not joined but ends with the process.
[[noreturn]] void serve_until_interrupt(const Interrupt& interrupt,
                                        const std::function<void()>& serve,
                                        const std::string& socket_file) {
  std::thread([&serve] {
    serve();
    std::fprintf(stderr, "pingperf: the socket failed: %s\n", std::strerror(errno));
    std::fflush(stdout);
    ::_exit(3);
  }).detach();
  pollfd p{interrupt.fd(), POLLIN, 0};
  while (::poll(&p, 1, -1) < 0 && errno == EINTR) {
  }
  if (!socket_file.empty() && !socket_file.starts_with('@')) ::unlink(socket_file.c_str());
  std::fflush(stdout);
  ::_exit(0);
}

}  // namespace

int pong_command(const PongCommand& command) {
  using enum Transport;
  const Transport transport = *transport_from(command.transport);
  const EndpointConfig config = server_config("pong", command.bind, transport, command.port);
  const Fd socket = transport == udp   ? bind_datagram(config)
                    : transport == raw ? open_raw_server(config.address)
                                       : listen_stream(config);
  const Interrupt interrupt;
  const Address where = Address::local_of(socket.get());
  fmt::print("PONG on {} over {}{}\n", transport == raw ? where.host() : where.to_string(),
             command.transport,
             command.concurrent || !is_stream(transport) ? "" : ", one client at a time");
  std::fflush(stdout);
  serve_until_interrupt(
      interrupt,
      [&] {
        if (transport == udp) return serve_datagrams(socket.get());
        if (transport == raw) return serve_raw(socket.get());
        serve_streams(socket.get(), command.concurrent);
      },
      transport == unix_stream ? command.bind : "");
}

int sink_command(const SinkCommand& command) {
  using enum Transport;
  const Transport transport = *transport_from(command.transport);
  const EndpointConfig config = server_config("sink", command.bind, transport, command.port);
  const Fd socket = transport == udp ? bind_datagram(config) : listen_stream(config);
  const Interrupt interrupt;
  fmt::print("SINK on {} over {}\n", Address::local_of(socket.get()).to_string(),
             command.transport);
  std::fflush(stdout);
  const auto report = [&](const SinkReport& r) {
    const double seconds = to_seconds(r.duration);
    fmt::print("{}: {} in {:.3f} s{}", r.peer.to_string(), human_size(static_cast<double>(r.bytes)),
               seconds,
               seconds > 0 ? ", " + human_rate(8 * static_cast<double>(r.bytes) / seconds) : "");
    if (r.datagrams > 0) fmt::print(", {}, {} lost", counted(r.datagrams, "datagram"), r.lost);
    fmt::print("\n");
    std::fflush(stdout);
  };
  serve_until_interrupt(
      interrupt,
      [&] {
        transport == udp ? sink_datagrams(socket.get(), report)
                         : sink_streams(socket.get(), report);
      },
      "");
}

}  // namespace pingperf
