// XdpSocket: sends and receives frames by an AF_XDP socket
// (https://docs.kernel.org/networking/af_xdp.html).
//
// The program of the socket takes the frames of the flow before the network stack. The socket has
// queue 0 of the interface: devices distribute IP packets over their queues, and give others to
// queue 0.
#pragma once

#include <poll.h>
#include <xdp/xsk.h>

#include <memory>
#include <span>
#include <vector>

#include "sockets/ethernet/packet_socket.h"
#include "sockets/ethernet/xdp_program.h"

namespace pingperf {

// Returns how many bytes a socket locks for frames of this size. All sockets of a user share the
// limit (RLIMIT_MEMLOCK).
std::size_t locked_memory(std::size_t frame);

// A port as PacketSocket.
class XdpSocket {
 public:
  // Throws std::system_error that names what is missing.
  XdpSocket(int packet_socket, const Options& options, FrameStart sent);

  template <Wait wait>
  std::span<char> receive() noexcept {
    std::span<char> frame = poll();
    if (!frame.empty()) return frame;
    if (wait == Wait::spin) return drive_receiver(), frame;
    return sleep_for_frames(fd_, POLLIN) ? poll() : frame;
  }
  void release() noexcept;

  bool put(std::span<const char> frame) noexcept;
  bool flush() noexcept;
  void make_room() noexcept;

 private:
  struct Unmap {
    std::size_t size;
    void operator()(char* memory) const noexcept;
  };
  struct DeleteMemory {
    void operator()(xsk_umem* memory) const noexcept { ::xsk_umem__delete(memory); }
  };
  struct DeleteSocket {
    void operator()(xsk_socket* socket) const noexcept { ::xsk_socket__delete(socket); }
  };

  void register_memory();
  void open(const std::string& interface, const Options& options);
  void enable_busy_poll(Nanoseconds time);
  void fill();
  std::span<char> poll() noexcept;
  void drive_receiver() noexcept;
  void reclaim() noexcept;

  const std::size_t chunk_;  // bytes per frame
  const bool always_wake_;   // not need_wakeup
  bool busy_poll_ = false;
  std::unique_ptr<char, Unmap> memory_;
  xsk_ring_prod filling_{};  // free chunks for received frames
  xsk_ring_cons completed_{};
  xsk_ring_cons received_{};
  xsk_ring_prod sending_{};
  std::unique_ptr<xsk_umem, DeleteMemory> umem_;
  std::unique_ptr<xsk_socket, DeleteSocket> socket_;
  XdpProgram program_;
  int fd_ = -1;
  std::vector<std::uint64_t> free_;  // chunks for frames to be sent
  std::uint64_t current_ = 0;        // chunk of the frame that poll() has returned
};

}  // namespace pingperf
