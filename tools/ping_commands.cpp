// pingperf ping, pong and sink: one client and two servers for use by hand.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>

#include "harness/base/interrupt.h"
#include "harness/base/json.h"
#include "harness/base/units.h"
#include "harness/base/usage_error.h"
#include "harness/report/results_table.h"
#include "sockets/commands/ping_client.h"
#include "sockets/commands/pong_server.h"
#include "sockets/commands/sink_server.h"
#include "sockets/transport/datagram.h"
#include "sockets/transport/raw.h"
#include "sockets/transport/stream.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kPongTimeout = kSecond;
constexpr double kMaxPrintedHz = 20;  // pings per second that a person can follow

// Reads "HOST", "HOST:PORT", "[IPV6]", "[IPV6]:PORT", a bare IPv6 address, or a path for unix.
Address read_address(const char* command, const std::string& text, Transport transport,
                     std::uint16_t port) {
  try {
    if (transport == Transport::unix_stream) return Address::unix_path(text);
    if (!has_port(transport)) return Address::resolve(text, 0);
    if (text.starts_with("unix:")) throw std::runtime_error("a path requires --transport unix");
    if (text.starts_with('[') && text.ends_with(']'))
      return Address::resolve(text.substr(1, text.size() - 2), port);
    const auto colons = std::count(text.begin(), text.end(), ':');
    if (colons == 1 || text.starts_with('[')) return Address::parse(text);
    return Address::resolve(text, port);
  } catch (const std::runtime_error& e) {
    throw UsageError(fmt::format("pingperf {}: {}", command, e.what()));
  }
}

// Returns the configuration of a server that listens on `bind`. Throws UsageError if the address is
// wrong. A unix socket has no default path.
EndpointConfig server_config(const char* command, const std::string& bind, Transport transport,
                             std::uint16_t port) {
  if (transport == Transport::unix_stream && bind == kLoopback)
    throw UsageError(
        fmt::format("pingperf {}: a unix socket requires a path: --bind PATH", command));
  EndpointConfig config;
  config.options.transport = transport;
  config.address = read_address(command, bind, transport, port);
  return config;
}

// Returns the address as text, without the port 0 of raw and ICMP.
std::string text_of(const Address& server) {
  const bool has_no_port = server.family() != AF_UNIX && server.port() == 0;
  return has_no_port ? server.host() : server.to_string();
}

struct PingStats {
  std::uint64_t sent = 0;
  Histogram rtt;
  Nanoseconds started = now_ns();
};

double percent_lost(const PingStats& stats) {
  const std::uint64_t lost = stats.sent - stats.rtt.count();
  return stats.sent ? 100.0 * static_cast<double>(lost) / static_cast<double>(stats.sent) : 0.0;
}

constexpr std::pair<const char*, double> kQuantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

void print_summary(const PingCommand& command, const Address& server, const PingStats& stats) {
  const Histogram& h = stats.rtt;
  const double seconds = to_seconds(now_ns() - stats.started);
  fmt::print("{}--- {} {} ping statistics ---\n", command.quiet ? "" : "\n", text_of(server),
             command.transport);
  fmt::print("{} sent, {} received, {} lost ({:.3g}%), {:.3g} s, {:.6g} pings/s\n", stats.sent,
             h.count(), stats.sent - h.count(), percent_lost(stats), seconds,
             static_cast<double>(h.count()) / seconds);
  if (h.count() == 0) return;
  const auto us = [](Nanoseconds time) { return static_cast<double>(time) / 1e3; };
  std::string names = "min", values = fmt::format("{:.1f}", us(h.min()));
  for (const auto& [name, q] : kQuantiles) {
    if (!h.has_quantile(q)) continue;
    names += fmt::format("/{}", name);
    values += fmt::format("/{:.1f}", us(h.quantile(q)));
  }
  fmt::print("rtt {}/max = {}/{:.1f} µs\n", names, values, us(h.max()));
}

Json summary_json(const PingCommand& command, const Address& server, const PingStats& stats) {
  const Histogram& h = stats.rtt;
  Json json = {{"server", text_of(server)},
               {"transport", command.transport},
               {"message_size_bytes", command.message_size},
               {"sent", stats.sent},
               {"received", h.count()},
               {"lost", stats.sent - h.count()},
               {"elapsed_s", to_seconds(now_ns() - stats.started)},
               {"rtt_ns", nullptr}};
  if (h.count() == 0) return json;
  Json& rtt = json["rtt_ns"] = {{"min", h.min()}, {"max", h.max()}};
  for (const auto& [name, q] : kQuantiles)
    rtt[name] = h.has_quantile(q) ? Json(h.quantile(q)) : Json(nullptr);
  return json;
}

// Waits until it is time for the next ping. Returns false if the user interrupts.
bool wait_until(Nanoseconds when, const Interrupt& interrupt) {
  do {
    const Nanoseconds left = std::max<Nanoseconds>(0, when - now_ns());
    pollfd p{interrupt.fd(), POLLIN, 0};
    if (::poll(&p, 1, static_cast<int>((left + kMillisecond - 1) / kMillisecond)) > 0) return false;
  } while (now_ns() < when);
  return true;
}

void print_ping(const PingCommand& command, const Address& server, std::uint64_t number,
                const std::optional<Nanoseconds>& rtt) {
  if (command.quiet || command.frequency_hz > kMaxPrintedHz || command.frequency_hz == 0) return;
  if (rtt)
    fmt::print("{} bytes from {}: seq={} time={}\n", command.message_size, text_of(server), number,
               human_duration(static_cast<double>(*rtt)));
  else
    fmt::print("no reply from {}: seq={}{}\n", text_of(server), number,
               command.transport == "tcp" || command.transport == "unix"
                   ? " (connected but not served: the server may be busy with another client)"
                   : "");
  std::fflush(stdout);
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

int ping_command(PingCommand command) {
  using enum Transport;
  const bool as_json = command.format == "json";
  command.quiet |= as_json;
  const Transport transport = *transport_from(command.transport);
  if ((transport == raw || transport == icmp) && command.message_size < 16)
    throw UsageError("--size: a raw or ICMP ping requires at least 16 bytes");
  if (command.once && !is_stream(transport))
    throw UsageError("--once: requires a transport with connections: tcp or unix");
  const Address server = read_address("ping", command.server, transport, command.port);
  const std::uint64_t count = command.count ? command.count : command.once ? 1 : UINT64_MAX;
  const Nanoseconds gap =
      command.frequency_hz > 0 ? static_cast<Nanoseconds>(1e9 / command.frequency_hz) : 0;
  const Interrupt interrupt;
  std::optional<PingClient> connection;
  if (!command.quiet)
    fmt::print("PING {} over {}: {} bytes{}\n", text_of(server), command.transport,
               command.message_size, command.once ? ", one connection per ping" : "");
  PingStats stats;
  std::string error;
  Nanoseconds next = stats.started;
  for (std::uint64_t number = 0; number < count && !interrupt.raised(); ++number) {
    std::optional<Nanoseconds> rtt;
    const Nanoseconds started = now_ns();
    try {
      if (!connection) connection.emplace(transport, server, command.message_size);
      ++stats.sent;
      rtt = connection->ping(number, kPongTimeout);
    } catch (const std::system_error& e) {
      error = e.what();
      break;
    }
    if (rtt && command.once) rtt = now_ns() - started;  // v1 includes the time to connect
    if (rtt) stats.rtt.record(*rtt);
    print_ping(command, server, number, rtt);
    if (command.once || (!rtt && is_stream(transport))) connection.reset();
    next += gap;
    if (number + 1 < count && gap > 0 && !wait_until(next, interrupt)) break;
  }
  if (as_json)
    print_json(summary_json(command, server, stats));
  else
    print_summary(command, server, stats);
  if (!error.empty()) fmt::print(stderr, "pingperf ping: {}\n", error);
  return error.empty() && stats.rtt.count() > 0 ? 0 : 3;
}

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
    if (r.datagrams > 0) fmt::print(", {} datagrams, {} lost", r.datagrams, r.lost);
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
