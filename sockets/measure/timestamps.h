// The kernel's own time stamps of what passes a socket: SO_TIMESTAMPING, in software
// (Documentation/networking/timestamping.rst). They are of CLOCK_REALTIME.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sockets/core/clock.h"

namespace pingperf {

// Asks for a stamp of everything received, and of every message sent as it is handed to the device.
// Throws std::system_error.
void enable_timestamps(int fd);

// As recv(2); `stamp` becomes the time at which the kernel had the (last) packet, 0 when it did not
// say.
ssize_t receive_stamped(int fd, char* data, std::size_t size, int flags,
                        Nanoseconds& stamp) noexcept;

// Follows the transmit stamps of one socket.
class TransmitStamps {
 public:
  // `step`: what the kernel's number of a stamp grows by with each message: of datagrams 1, of a
  // stream its bytes.
  TransmitStamps(int fd, std::uint32_t step) noexcept : fd_(fd), step_(step) {}

  // The stamp of message `number` (from 0), when it has come; earlier ones are passed over.
  std::optional<Nanoseconds> of(std::uint64_t number) noexcept;

 private:
  const int fd_;
  const std::uint32_t step_;
  std::optional<std::uint32_t> first_;  // the kernel's number of message 0
};

}  // namespace pingperf
