#include "sockets/ethernet/packet_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <ctime>

#include "sockets/core/error.h"

namespace pingperf {

bool sleep_for_frames(int fd, short events) noexcept {
  pollfd p{fd, events, 0};
  constexpr timespec kTick{0, kFrameTick};
  const int ready = ::ppoll(&p, 1, &kTick, nullptr);
  if (ready == 0) errno = EAGAIN;
  return ready > 0;
}

PacketSocket::PacketSocket(int fd, const Options& options, FrameStart)
    : fd_(fd), incoming_(options.message_size.value() + 1) {  // 1: shows longer frames
  set_receive_timeout(fd, kFrameTick);
  constexpr timeval kTick{0, kFrameTick / kMicrosecond};
  check(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kTick, sizeof kTick), "SO_SNDTIMEO");
}

}  // namespace pingperf
