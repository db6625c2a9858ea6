// TCP v1 with blocking calls: repeats connect, ping, pong and disconnect, one thread per flow.
#include "sockets/latency/blocking_connect.h"

#include <sys/socket.h>

#include "sockets/core/io.h"
#include "sockets/latency/connect_engines.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kClientTimeout = 500 * kMillisecond;  // then a silent client is closed

// Sends the ping and receives the pong on one connection. Returns false with errno on an error.
bool exchange(int fd, PingThread& t, const Meter& meter, Steps& steps) {
  char* const pong = t.incoming.data();
  const std::size_t size = t.incoming.size();
  const auto read = [fd](char* data, std::size_t n) { return ::recv(fd, data, n, 0); };
  steps.connected = fast_now_ns();
  if (!send_all(fd, t.outgoing.data(), t.outgoing.size())) return false;
  set_receive_timeout(fd, kStopCheck);
  if (!receive_unless_stopped(read, pong, 1, meter)) return false;
  steps.first_byte = fast_now_ns();
  if (!receive_unless_stopped(read, pong + 1, size - 1, meter)) return false;
  steps.answered = fast_now_ns();
  return true;
}

void ping(PingThread& t, Meter& meter, const EndpointConfig& config) {
  t.incoming.resize(t.expected.size());
  ConnectClient client(t, meter, config);
  for (Steps steps; !meter.stopped() && client.may_start(steps);) {
    Fd fd = dial_patiently(t, meter, config, steps);
    if (give_up_without_port(fd, t, client, steps)) break;
    if (!fd) return fail(t, meter, "connect");
    if (!exchange(fd.get(), t, meter, steps)) return fail(t, meter, "ping and pong");
    if (!client.is_intact(t.incoming.data(), 0, t.incoming.size())) return;
    client.finish(fd, steps, t.flows.front());
    if (client.think_time() > 0) think<Wait::block>(fast_now_ns() + client.think_time(), t, meter);
  }
  client.send_end();
}

// Serves one connection until the client closes it.
Served serve(int connection, PingThread& t) {
  set_receive_timeout(connection, kClientTimeout);
  char* const ping = t.incoming.data();
  if (!receive_all(connection, ping, 1)) return errno == 0 ? Served::end : Served::nothing;
  if (!receive_all(connection, ping + 1, t.expected.size() - 1)) return Served::nothing;
  if (!t.is_intact(ping)) return Served::corrupt;
  if (!send_all(connection, t.outgoing.data(), t.outgoing.size())) return Served::nothing;
  char rest;
  receive_all(connection, &rest, 1);  // waits until the client closes
  return Served::exchange;
}

void pong(PingThread& t, Meter& meter, const EndpointConfig& config) {
  serve_connections([&](int connection) { return serve(connection, t); }, t, meter, config);
}

}  // namespace

std::span<const Engine> blocking_connect() {
  static const std::vector<Engine> engines = make_connect_engines(
      {.name = "blocking", .summary = kBlockingSummary, .ping = ping, .pong = pong});
  return engines;
}

}  // namespace pingperf
