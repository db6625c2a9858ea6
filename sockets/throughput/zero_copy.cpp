#include "sockets/throughput/zero_copy.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "sockets/core/socket_options.h"

namespace pingperf {

ZeroCopy::ZeroCopy(int fd) : fd_(fd) {
  set_option(fd, SOL_SOCKET, SO_ZEROCOPY, 1, "zero_copy");
}

ssize_t ZeroCopy::send(const char* data, std::size_t size, const Meter& meter) noexcept {
  for (;;) {
    const ssize_t n = ::send(fd_, data, size, MSG_NOSIGNAL | MSG_ZEROCOPY);
    if (n >= 0 && ++sends_ % kReapEvery == 0) reap();
    if (n >= 0 || errno != ENOBUFS || meter.stopped()) return n;
    pollfd p{fd_, 0, 0};  // POLLERR is always reported
    ::poll(&p, 1, 1);
    reap();
  }
}

void ZeroCopy::reap() noexcept {
  for (;;) {
    alignas(cmsghdr) char control[128];
    msghdr message{};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(fd_, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      sock_extended_err error;
      std::memcpy(&error, CMSG_DATA(c), sizeof error);
      if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY) continue;
      const std::uint64_t count = error.ee_data - error.ee_info + 1;  // a range of sends
      completed_ += count;
      if (error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED) copied_ += count;
    }
  }
}

void ZeroCopy::report(FlowGroup& group) noexcept {
  reap();
  group.zero_copy_sends = completed_;
  group.zero_copy_copied = copied_;
  group.copies = 2 * copied_ > completed_ ? 1 : 0;
}

}  // namespace pingperf
