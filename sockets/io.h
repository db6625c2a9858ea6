// Whole messages over blocking stream sockets: the calls that the engines' loops are made of.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>

#include "sockets/clock.h"

namespace pingperf {

// How a loop waits for its peer: asleep in the kernel, or asking again and again.
enum class Wait { block, spin };

constexpr int flags_of(Wait wait) {
  return wait == Wait::spin ? MSG_DONTWAIT : 0;
}

// True when a call that failed with `error` is to be made again at once.
constexpr bool is_retry(Wait wait, int error) {
  return error == EINTR || (wait == Wait::spin && error == EAGAIN);
}

// Sends all of it. Returns false with errno on an error.
template <Wait wait = Wait::block>
bool send_all(int fd, const char* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL | flags_of(wait));
    if (n < 0) {
      if (is_retry(wait, errno)) continue;
      return false;
    }
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// Receives exactly `size` bytes. Returns false on an error, or with errno 0 at the end of stream.
template <Wait wait = Wait::block>
bool receive_all(int fd, char* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t n = ::recv(fd, data, size, flags_of(wait));
    if (n == 0) errno = 0;
    if (n < 0 && is_retry(wait, errno)) continue;
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
