// Lets messages gather in a socket's buffer before they are taken together, as a network card's
// interrupt coalescing does. A receiver that is woken for every message of a fast flow costs its
// sender the waking, and both then fight for the memory that one fills and the other empties.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sockets/core/clock.h"

namespace pingperf {

// Follows one socket; its receiver's thread alone calls it.
class Coalescing {
 public:
  // `buffer`: the socket's SO_RCVBUF.
  explicit Coalescing(std::uint64_t buffer) noexcept : room_(static_cast<double>(buffer) / 4) {}

  // A message of n bytes was taken.
  void took(std::uint64_t n) noexcept {
    ++messages_;
    room_taken_ += n + kBookkeeping;
  }

  // How long the socket, found empty at `now`, may be left alone: until a quarter of its buffer has
  // filled at the rate since the call before, at most kMaxSleep; 0 when the flow is too slow, or
  // the buffer too small, to gain by it.
  Nanoseconds pause(Nanoseconds now) noexcept {
    const auto elapsed = static_cast<double>(now - last_);
    const double filled =
        elapsed * room_ / static_cast<double>(std::max<std::uint64_t>(room_taken_, 1));
    const double pause = std::min(filled, static_cast<double>(kMaxSleep));
    const bool worthwhile = static_cast<double>(messages_) * pause >= kMinMessages * elapsed;
    last_ = now;
    messages_ = room_taken_ = 0;
    return worthwhile ? static_cast<Nanoseconds>(pause) : 0;
  }

 private:
  static constexpr Nanoseconds kMaxSleep = 400 * kMicrosecond;
  static constexpr double kMinMessages = 8;            // messages that are worth a sleep
  static constexpr std::uint64_t kBookkeeping = 1024;  // the kernel's, of a message in the buffer

  const double room_;
  Nanoseconds last_ = 0;
  std::uint64_t messages_ = 0;    // since then
  std::uint64_t room_taken_ = 0;  // by them
};

}  // namespace pingperf
