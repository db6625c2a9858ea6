// Whole messages over blocking stream sockets: the calls that the engines' loops are made of.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>

#include "sockets/core/clock.h"

namespace pingperf {

// How a loop waits for its peer: asleep in the kernel, asking again and again, or first that and
// then asleep.
enum class Wait { block, spin, hybrid };

// A connection whose host has vanished ends some day: socket(7), SO_KEEPALIVE.
inline void enable_keepalive(int connection) noexcept {
  constexpr int on = 1;
  ::setsockopt(connection, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

// True when a call that failed with `error` is to be made again at once.
constexpr bool is_retry(Wait wait, int error) {
  return error == EINTR || (wait == Wait::spin && error == EAGAIN);
}

// recv(2). Spinning, it may fail with EAGAIN: nothing is here yet; `spin` is how long a hybrid asks
// before it sleeps.
template <Wait wait>
ssize_t receive(int fd, char* data, std::size_t size, Nanoseconds spin) noexcept {
  if constexpr (wait == Wait::hybrid) {
    const Nanoseconds until = fast_now_ns() + spin;
    do {
      const ssize_t n = ::recv(fd, data, size, MSG_DONTWAIT);
      if (n >= 0 || errno != EAGAIN) return n;
    } while (fast_now_ns() < until);
  }
  return ::recv(fd, data, size, wait == Wait::spin ? MSG_DONTWAIT : 0);
}

// Sends all of it. Returns false with errno on an error.
template <Wait wait = Wait::block>
bool send_all(int fd, const char* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t n =
        ::send(fd, data, size, MSG_NOSIGNAL | (wait == Wait::spin ? MSG_DONTWAIT : 0));
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
bool receive_all(int fd, char* data, std::size_t size, Nanoseconds spin = 0) noexcept {
  while (size > 0) {
    const ssize_t n = receive<wait>(fd, data, size, spin);
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
