#include "sockets/ethernet/packet_socket.h"

namespace pingperf {

PacketSocket::PacketSocket(int fd, const Options& options, FrameStart)
    : fd_(fd), incoming_(options.message_size.value() + 1) {  // 1: shows longer frames
  set_receive_timeout(fd, kFrameTick);
}

}  // namespace pingperf
