// TCP v1 with blocking calls: repeats connect, ping, pong and disconnect, one thread per flow. A
// thread of the server serves one connection at a time. Connections that have not shown the token
// are pending meanwhile.
#include <sys/socket.h>

#include <cstring>
#include <ctime>

#include "sockets/core/io.h"
#include "sockets/latency/connect_client.h"
#include "sockets/latency/connect_engines.h"
#include "sockets/latency/connect_listener.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kClientTimeout = 500 * kMillisecond;  // then a silent client is closed
constexpr Nanoseconds kStopDelay = 50 * kMillisecond;       // maximum delay of a stop

void nap(Nanoseconds time) noexcept {
  const timespec t{time / kSecond, time % kSecond};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &t, nullptr);
}

// Sleeps for the think time, or until the window closes or the meter is stopped.
void think(const PingThread& t, const Meter& meter, Nanoseconds time) noexcept {
  const Nanoseconds until = std::min(fast_now_ns() + time, t.closed);
  for (Nanoseconds left = time; left > 0 && !meter.stopped(); left = until - fast_now_ns())
    nap(std::min(left, kStopDelay));
}

// Connects. Returns an empty Fd with errno on an error. If all ephemeral ports are in TIME_WAIT,
// counts that and retries until one is free. Sets steps.started to the start of the last attempt.
Fd dial_patiently(PingThread& t, const Meter& meter, const EndpointConfig& config, Steps& steps) {
  for (;;) {
    steps.started = fast_now_ns();
    Fd fd = open_or_errno([&] { return dial_stream(config); });
    const bool no_port = !fd && is_out_of_ports(errno);
    if (!no_port || meter.stopped() || steps.started >= t.closed) return fd;
    ++t.port_waits;
    nap(kPortRetry);
  }
}

// Receives exactly `size` bytes. Returns false with errno on an error, at the end of the stream
// (errno 0) or if the meter was stopped.
bool receive_unless_stopped(int fd, char* data, std::size_t size, const Meter& meter) {
  while (size > 0) {
    const ssize_t n = ::recv(fd, data, size, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN) && !meter.stopped()) continue;
    if (n == 0) errno = 0;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// Sends the ping and receives the pong on one connection. Returns false with errno on an error.
bool exchange(int fd, PingThread& t, const Meter& meter, Steps& steps) {
  char* const pong = t.incoming.data();
  const std::size_t size = t.incoming.size();
  steps.connected = fast_now_ns();
  if (!send_all(fd, t.outgoing.data(), t.outgoing.size())) return false;
  set_receive_timeout(fd, kStopDelay);
  if (!receive_unless_stopped(fd, pong, 1, meter)) return false;
  steps.first_byte = fast_now_ns();
  if (!receive_unless_stopped(fd, pong + 1, size - 1, meter)) return false;
  steps.answered = fast_now_ns();
  return true;
}

void ping(PingThread& t, Meter& meter, const EndpointConfig& config) {
  t.incoming.resize(t.expected.size());
  ConnectClient client(t, meter, config);
  for (Steps steps; !meter.stopped() && client.may_start(steps);) {
    Fd fd = dial_patiently(t, meter, config, steps);
    if (!fd && steps.started >= t.closed) break;  // no port became free in the window
    if (!fd) return fail(t, meter, "connect");
    if (!exchange(fd.get(), t, meter, steps)) return fail(t, meter, "ping and pong");
    if (!client.is_intact(t.incoming.data(), 0, t.incoming.size())) return;
    client.finish(fd, steps, t.flows.front());
    if (client.think_time() > 0) think(t, meter, client.think_time());
  }
  client.send_end();
}

enum class Served { exchange, end, nothing, corrupt };

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
  ConnectListener& listener = *t.listener;
  const bool shared = thread_count(config.options) > 1;
  while (!listener.is_over() && !meter.stopped()) {
    const Fd connection = listener.admit(shared);
    if (!connection && listener.is_over()) return;
    if (!connection) return fail(t, meter, "accept");
    switch (serve(connection.get(), t)) {
      case Served::end:
        listener.client_finished();
        break;
      case Served::nothing:  // the client reports its error
        break;
      case Served::corrupt:
        return fail(t, meter, "payload of a ping");
      case Served::exchange:
        if (t.total_exchanges++ == 0) meter.first_byte();
    }
  }
}

}  // namespace

std::span<const Engine> blocking_connect() {
  static const std::vector<Engine> engines = make_connect_engines(
      {.name = "blocking", .summary = kBlockingSummary, .ping = ping, .pong = pong});
  return engines;
}

}  // namespace pingperf
