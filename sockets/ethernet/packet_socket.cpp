#include "sockets/ethernet/packet_socket.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "sockets/core/error.h"

namespace pingperf {

PacketSocket::PacketSocket(int fd, const Options& options, FrameStart)
    : fd_(fd), incoming_(options.message_size.value() + 1) {  // 1: shows longer frames
  set_receive_timeout(fd, kFrameTick);
  constexpr timeval kTick{0, kFrameTick / kMicrosecond};
  check(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kTick, sizeof kTick), "SO_SNDTIMEO");
}

}  // namespace pingperf
