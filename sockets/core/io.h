// Calls of the engines' loops: sends and receives whole messages on blocking sockets.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>

#include "sockets/core/clock.h"

namespace pingperf {

// How a loop waits for its peer. block: sleeps in the kernel; spin: polls; hybrid: polls for a
// while, then sleeps.
enum class Wait { block, spin, hybrid };

// Sets SO_KEEPALIVE (socket(7)), so that a connection whose peer's host has vanished ends.
inline void enable_keepalive(int connection) noexcept {
  constexpr int on = 1;
  ::setsockopt(connection, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

// Returns true if a call that failed with `error` must be repeated at once.
constexpr bool is_retry(Wait wait, int error) {
  return error == EINTR || (wait == Wait::spin && error == EAGAIN);
}

// Calls recv(2). A hybrid wait polls for `spin` before it sleeps. With Wait::spin the call fails
// with EAGAIN if no data has arrived.
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

// Sends all `size` bytes. Returns false with errno on an error.
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

// Receives exactly `size` bytes. Returns false with errno on an error, with errno 0 at the end of
// the stream.
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

// Sets SO_RCVTIMEO (socket(7)): a recv() that waits longer fails with EAGAIN. Throws
// std::system_error.
void set_receive_timeout(int fd, Nanoseconds timeout);

// Returns the timeout for poll(2) that ends at `deadline` (of now_ns()): whole milliseconds,
// rounded up, from 0 to an hour.
int poll_ms(Nanoseconds deadline) noexcept;

// Waits with poll(2) until `fd` can be read. Returns false if the deadline has passed.
bool wait_readable(int fd, Nanoseconds deadline) noexcept;

}  // namespace pingperf
