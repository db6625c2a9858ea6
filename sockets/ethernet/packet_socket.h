// PacketSocket: sends and receives frames by send(2) and recv(2).
//
// PacketSocket, PacketRing and XdpSocket have the same functions, so that the loops are templates
// over them.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "sockets/core/io.h"
#include "sockets/ethernet/ethernet.h"

namespace pingperf {

// The longest time that receive() and make_room() sleep. So it is the maximum delay of a stop.
inline constexpr Nanoseconds kFrameTick = 20 * kMillisecond;

// Sleeps for kFrameTick, or until poll(2) reports `events`. Returns false with errno if it reports
// none.
bool sleep_for_frames(int fd, short events) noexcept;

// A port that sends and receives by a packet socket of kEthernet.
class PacketSocket {
 public:
  // Throws std::system_error.
  PacketSocket(int fd, const Options& options, FrameStart sent);

  // Returns the next received frame, which is valid until release(). Returns an empty one with
  // errno on an error: EAGAIN if no frame has arrived. Wait::block sleeps for kFrameTick before.
  template <Wait wait>
  std::span<char> receive() noexcept {
    const ssize_t n = ::recv(fd_, incoming_.data(), incoming_.size(),
                             MSG_TRUNC | (wait == Wait::spin ? MSG_DONTWAIT : 0));
    if (n < 0) return {};
    return {incoming_.data(), std::min(static_cast<std::size_t>(n), incoming_.size())};
  }
  void release() noexcept {}

  // Queues a frame. Returns false with errno on an error: EAGAIN if there is no room.
  bool put(std::span<const char> frame) noexcept {
    return ::send(fd_, frame.data(), frame.size(), 0) >= 0;
  }
  // Makes the kernel send the queued frames. Returns false with errno on an error.
  bool flush() noexcept { return true; }
  // Sleeps until there may be room.
  void make_room() noexcept {}

 private:
  const int fd_;
  std::vector<char> incoming_;
};

}  // namespace pingperf
