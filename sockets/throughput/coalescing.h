// Coalescing: lets messages collect in a socket's buffer before the receiver takes them together,
// as the interrupt coalescing of a network card does. Otherwise the sender of a fast flow wakes the
// receiver for every message, and both compete for the memory of the buffer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>

#include "sockets/core/clock.h"

namespace pingperf {

// Observes one socket. Only the receiver's thread may use it.
class Coalescing {
 public:
  // `buffer` is the socket's SO_RCVBUF in bytes.
  explicit Coalescing(std::uint64_t buffer) noexcept : room_(static_cast<double>(buffer) / 4) {}

  // Counts a received message of n bytes.
  void took(std::uint64_t n) noexcept {
    ++messages_;
    room_taken_ += n + kBookkeeping;
  }

  // Sleeps for pause().
  void gather() noexcept {
    const timespec time{0, pause(now_ns())};
    if (time.tv_nsec > 0) ::nanosleep(&time, nullptr);
  }

  // Returns the time for which the receiver should sleep when the socket is empty at `now`: until a
  // quarter of the buffer is full at the rate since the last call, at most kMaxSleep. Returns 0 if
  // the flow is too slow or the buffer is too small for a sleep to pay.
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
  static constexpr double kMinMessages = 8;            // expected messages that justify a sleep
  static constexpr std::uint64_t kBookkeeping = 1024;  // of the kernel, per message in the buffer

  const double room_;
  Nanoseconds last_ = 0;
  std::uint64_t messages_ = 0;    // since last_
  std::uint64_t room_taken_ = 0;  // bytes of the buffer that these messages used
};

}  // namespace pingperf
