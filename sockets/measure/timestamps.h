// The kernel's software time stamps of the messages of a socket: SO_TIMESTAMPING
// (Documentation/networking/timestamping.rst). The stamps are times of CLOCK_REALTIME.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sockets/core/clock.h"

namespace pingperf {

// Requests a stamp of every received packet, and of every sent message when the kernel passes it to
// the device. Throws std::system_error.
void enable_timestamps(int fd);

// Does the same as recv(2). Sets `stamp` to the time at which the kernel received the (last)
// packet, or to 0 if there is no stamp.
ssize_t receive_stamped(int fd, char* data, std::size_t size, int flags,
                        Nanoseconds& stamp) noexcept;

// Reads the transmit stamps of one socket.
class TransmitStamps {
 public:
  // `step` is the increase of the kernel's number per message: 1 for datagrams, the size of a
  // message in bytes for streams.
  TransmitStamps(int fd, std::uint32_t step) noexcept : fd_(fd), step_(step) {}

  // Returns the stamp of message `number` (from 0), or nullopt if it has not arrived. Discards the
  // stamps of earlier messages.
  std::optional<Nanoseconds> of(std::uint64_t number) noexcept;

 private:
  const int fd_;
  const std::uint32_t step_;
  std::optional<std::uint32_t> first_;  // the kernel's number of message 0
};

}  // namespace pingperf
