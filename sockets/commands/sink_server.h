// The servers of `pingperf sink`: they receive data of bulk senders, discard it (RFC 863) and
// report the amount.
#pragma once

#include <cstdint>
#include <functional>

#include "sockets/core/address.h"
#include "sockets/core/clock.h"

namespace pingperf {

// The data of one sender.
struct SinkReport {
  Address peer;
  std::uint64_t bytes = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t lost = 0;
  Nanoseconds duration = 0;  // from the first byte to the last
};

// Is called once per sender that has finished, never by two threads at once.
using SinkReporter = std::function<void(const SinkReport&)>;

// Serves each client of a listening stream socket in its own thread, at most 1000 clients at once.
// Returns when the listener is shut down or fails (errno).
void sink_streams(int listener, const SinkReporter& report) noexcept;

// Receives the flows of a bound UDP socket, one sender at a time. Answers a hello with a welcome of
// the same size, which no peer answers. Returns when the socket is shut down or fails (errno).
void sink_datagrams(int socket, const SinkReporter& report) noexcept;

}  // namespace pingperf
