// Common parts of the connect engines with blocking calls: one thread per flow, and a thread of the
// server serves one connection at a time. Connections that have not shown the token are pending
// meanwhile.
#pragma once

#include <cerrno>
#include <ctime>

#include "sockets/latency/connect_client.h"
#include "sockets/latency/connect_listener.h"
#include "sockets/latency/think_time.h"

namespace pingperf {

// Connects. Returns an empty Fd with errno on an error. If all ephemeral ports are in TIME_WAIT,
// counts that and retries until one is free. Sets steps.started to the start of the last attempt.
inline Fd dial_patiently(PingThread& t, const Meter& meter, const EndpointConfig& config,
                         Steps& steps) {
  for (;;) {
    steps.started = fast_now_ns();
    Fd fd = open_or_errno([&] { return dial_stream(config); });
    const bool no_port = !fd && is_out_of_ports(errno);
    if (!no_port || meter.stopped() || steps.started >= t.closed) return fd;
    ++t.port_waits;
    constexpr timespec kPause{0, kPortRetry};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &kPause, nullptr);
  }
}

// Returns true if dial_patiently() has failed because no port became free in the window. Takes back
// the exchange then.
inline bool give_up_without_port(const Fd& fd, const PingThread& t, ConnectClient& client,
                                 const Steps& steps) noexcept {
  if (fd || steps.started < t.closed) return false;
  client.give_up(steps);
  return true;
}

// Receives exactly `size` bytes by read(data, size), which returns as recv(2). Returns false with
// errno on an error, at the end of the stream (errno 0) or if the meter was stopped.
template <typename Read>
bool receive_unless_stopped(Read read, char* data, std::size_t size, const Meter& meter) {
  while (size > 0) {
    const ssize_t n = read(data, size);
    if (n < 0 && (errno == EINTR || errno == EAGAIN) && !meter.stopped()) continue;
    if (n == 0) errno = 0;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// What a connection was for. end: a thread of the client has finished. nothing: it failed, and the
// client reports its error. corrupt: a byte of the ping was wrong.
enum class Served { exchange, end, nothing, corrupt };

// Serves the connections of a server's thread by serve(fd), which returns Served.
template <typename Serve>
void serve_connections(Serve serve, PingThread& t, Meter& meter, const EndpointConfig& config) {
  ConnectListener& listener = *t.listener;
  const bool shared = thread_count(config.options) > 1;
  while (!listener.is_over() && !meter.stopped()) {
    const Fd connection = listener.admit(shared);
    if (!connection && listener.is_over()) return;
    if (!connection) return fail(t, meter, "accept");
    switch (serve(connection.get())) {
      case Served::end:
        listener.client_finished();
        break;
      case Served::nothing:
        break;
      case Served::corrupt:
        return fail(t, meter, "payload of a ping");
      case Served::exchange:
        if (t.total_exchanges++ == 0) meter.first_byte();
    }
  }
}

}  // namespace pingperf
