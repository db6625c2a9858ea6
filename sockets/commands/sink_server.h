// The lesson's receiver, `pingperf sink`: takes what bulk senders send, and says how much that was.
#pragma once

#include <cstdint>
#include <functional>

#include "sockets/core/address.h"
#include "sockets/core/clock.h"

namespace pingperf {

// What came from one sender.
struct SinkReport {
  Address peer;
  std::uint64_t bytes = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t lost = 0;
  Nanoseconds duration = 0;  // from the first byte to the last
};

// Called with each sender that is done, one at a time.
using SinkReporter = std::function<void(const SinkReport&)>;

// Takes the clients of a listening stream socket, each in a thread of its own, at most 1000 at
// once. Returns when the listener is shut down or fails (errno).
void sink_streams(int listener, const SinkReporter& report) noexcept;

// Takes the flows of a bound UDP socket, one sender at a time; answers a hello with a welcome of
// its size, which nobody answers. Returns when the socket is shut down or fails (errno).
void sink_datagrams(int socket, const SinkReporter& report) noexcept;

}  // namespace pingperf
