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

bool wait_readable(int fd, Nanoseconds deadline) noexcept {
  for (;;) {
    const Nanoseconds left = deadline - now_ns();
    pollfd p{fd, POLLIN, 0};
    const int ready =
        ::poll(&p, 1, static_cast<int>(std::max<Nanoseconds>(0, left) / kMillisecond));
    if (ready > 0) return true;
    if (left <= 0) return false;
  }
}

}  // namespace pingperf
