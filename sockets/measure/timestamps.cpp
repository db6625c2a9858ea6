#include "sockets/measure/timestamps.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

constexpr std::size_t kControl = 256;

// The control data of a message: its stamp, and the kernel's number of the message that was sent.
struct Control {
  Nanoseconds stamp = 0;
  std::optional<std::uint32_t> sent;
};

Control read_control(msghdr& message) noexcept {
  Control control;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
      scm_timestamping stamps;
      std::memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
      control.stamp = stamps.ts[0].tv_sec * kSecond + stamps.ts[0].tv_nsec;
    } else if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
               (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
      sock_extended_err error;
      std::memcpy(&error, CMSG_DATA(c), sizeof error);
      if (error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING && error.ee_info == SCM_TSTAMP_SND)
        control.sent = error.ee_data;
    }
  }
  return control;
}

ssize_t receive_with_control(int fd, char* data, std::size_t size, int flags,
                             Control& control) noexcept {
  alignas(cmsghdr) char buffer[kControl];
  iovec part{data, size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof buffer;
  const ssize_t n = ::recvmsg(fd, &message, flags);
  if (n >= 0) control = read_control(message);
  return n;
}

}  // namespace

void enable_timestamps(int fd) {
  set_option(fd, SOL_SOCKET, SO_TIMESTAMPING,
             SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
                 SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
                 SOF_TIMESTAMPING_OPT_TSONLY,
             "SO_TIMESTAMPING");
}

ssize_t receive_stamped(int fd, char* data, std::size_t size, int flags,
                        Nanoseconds& stamp) noexcept {
  Control control;
  const ssize_t n = receive_with_control(fd, data, size, flags, control);
  stamp = control.stamp;
  return n;
}

std::optional<Nanoseconds> TransmitStamps::of(std::uint64_t number) noexcept {
  const std::uint32_t wanted = static_cast<std::uint32_t>(number) * step_;
  for (;;) {
    char none;
    Control control;
    if (receive_with_control(fd_, &none, 0, MSG_ERRQUEUE | MSG_DONTWAIT, control) < 0)
      return std::nullopt;
    if (!control.sent) continue;
    if (!first_) first_ = *control.sent;
    if (*control.sent - *first_ == wanted) return control.stamp;
  }
}

}  // namespace pingperf
