// Whole messages over blocking stream sockets: the calls that the engines' loops are made of.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>

#include "sockets/clock.h"

namespace pingperf {

// Sends all of it. Returns false with errno on an error.
inline bool send_all(int fd, const char* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// Receives exactly `size` bytes. Returns false on an error, or with errno 0 at the end of stream.
inline bool receive_all(int fd, char* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t n = ::recv(fd, data, size, 0);
    if (n == 0) errno = 0;
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// Sets SO_RCVTIMEO: a recv() that waits longer fails with EAGAIN. Throws std::system_error.
void set_receive_timeout(int fd, Nanoseconds timeout);

// poll(2) for reading until `deadline`. Returns false when it passed.
bool wait_readable(int fd, Nanoseconds deadline) noexcept;

}  // namespace pingperf
