#include "sockets/core/io.h"

#include <poll.h>

#include <algorithm>

#include "sockets/core/error.h"

namespace pingperf {

void set_receive_timeout(int fd, Nanoseconds timeout) {
  timeval t{};
  t.tv_sec = timeout / kSecond;
  t.tv_usec = timeout % kSecond / kMicrosecond;
  check(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), "SO_RCVTIMEO");
}

int poll_ms(Nanoseconds deadline) noexcept {
  const Nanoseconds left = std::clamp<Nanoseconds>(deadline - now_ns(), 0, 3600 * kSecond);
  return static_cast<int>((left + kMillisecond - 1) / kMillisecond);
}

bool wait_readable(int fd, Nanoseconds deadline) noexcept {
  for (;;) {
    pollfd p{fd, POLLIN, 0};
    const Nanoseconds left = std::max<Nanoseconds>(deadline - now_ns(), 0);
    const timespec timeout{left / kSecond, left % kSecond};
    if (::ppoll(&p, 1, &timeout, nullptr) > 0) return true;
    if (left == 0) return false;
  }
}

}  // namespace pingperf
