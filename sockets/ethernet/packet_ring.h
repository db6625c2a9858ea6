// PacketRing: sends and receives frames in memory that the kernel shares (PACKET_MMAP, packet(7)).
//
// The rings have slots of one frame (TPACKET_V2). TPACKET_V3 hands over blocks of frames, and a
// frame waits in an unfinished block for at least a millisecond.
#pragma once

#include <linux/if_packet.h>
#include <poll.h>

#include <span>

#include "sockets/ethernet/packet_socket.h"

namespace pingperf {

// A port as PacketSocket.
class PacketRing {
 public:
  // Replaces the queues of a packet socket of kEthernet by rings. Throws std::system_error.
  PacketRing(int fd, const Options& options, FrameStart sent);
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;
  ~PacketRing();

  template <Wait wait>
  std::span<char> receive() noexcept {
    std::span<char> frame = poll();
    if (wait == Wait::spin || !frame.empty()) return frame;
    return sleep_for_frames(fd_, POLLIN) ? poll() : frame;
  }
  void release() noexcept;

  bool put(std::span<const char> frame) noexcept;
  bool flush() noexcept;
  void make_room() noexcept { sleep_for_frames(fd_, POLLOUT); }

 private:
  std::span<char> poll() noexcept;
  tpacket2_hdr* slot(char* ring, std::uint32_t index) const noexcept {
    return reinterpret_cast<tpacket2_hdr*>(ring + std::size_t{index} * request_.tp_frame_size);
  }

  const int fd_;
  tpacket_req request_{};  // of each ring
  char* memory_ = nullptr;
  char* sending_ = nullptr;  // the second ring
  std::uint32_t received_ = 0;
  std::uint32_t sent_ = 0;
};

}  // namespace pingperf
