#include "sockets/ethernet/packet_ring.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "sockets/core/error.h"
#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

constexpr std::size_t kRing = 2 << 20;    // bytes of a ring
constexpr std::size_t kBlock = 64 << 10;  // contiguous memory of the kernel
constexpr std::size_t kSentOffset =
    TPACKET2_HDRLEN - sizeof(sockaddr_ll);  // of a frame in its slot

// Returns rings of slots that fit a frame behind its header.
tpacket_req ring_for(std::size_t frame) {
  constexpr std::size_t kHeadroom = 128;  // tpacket2_hdr, sockaddr_ll and alignment
  tpacket_req request{};
  request.tp_frame_size = static_cast<unsigned>(std::bit_ceil(frame + kHeadroom));
  request.tp_block_size = kBlock;
  request.tp_block_nr = kRing / kBlock;
  request.tp_frame_nr = static_cast<unsigned>(kRing / request.tp_frame_size);
  return request;
}

std::uint32_t status_of(tpacket2_hdr* slot) noexcept {
  return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
}

void set_status(tpacket2_hdr* slot, std::uint32_t status) noexcept {
  __atomic_store_n(&slot->tp_status, status, __ATOMIC_RELEASE);
}

}  // namespace

PacketRing::PacketRing(int fd, const Options& options, FrameStart)
    : fd_(fd), request_(ring_for(options.message_size.value())) {
  set_option(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2, "PACKET_VERSION");
  for (const auto& [ring, what] :
       {std::pair(PACKET_RX_RING, "receiving"), std::pair(PACKET_TX_RING, "sending")})
    if (::setsockopt(fd, SOL_PACKET, ring, &request_, sizeof request_) != 0)
      check(-1, std::string("mapped_ring for ") + what + ", 2 MiB");
  void* const memory =
      ::mmap(nullptr, 2 * kRing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (memory == MAP_FAILED) check(-1, "mmap of the two rings of mapped_ring, 4 MiB");
  memory_ = static_cast<char*>(memory);
  sending_ = memory_ + kRing;
}

PacketRing::~PacketRing() {
  ::munmap(memory_, 2 * kRing);
}

std::span<char> PacketRing::poll() noexcept {
  tpacket2_hdr* const received = slot(memory_, received_);
  if (status_of(received) & TP_STATUS_USER)
    return {reinterpret_cast<char*>(received) + received->tp_mac, received->tp_snaplen};
  errno = EAGAIN;
  return {};
}

void PacketRing::release() noexcept {
  set_status(slot(memory_, received_), TP_STATUS_KERNEL);
  if (++received_ == request_.tp_frame_nr) received_ = 0;
}

bool PacketRing::put(std::span<const char> frame) noexcept {
  tpacket2_hdr* const free = slot(sending_, sent_);
  if (status_of(free) != TP_STATUS_AVAILABLE) {
    errno = EAGAIN;
    return false;
  }
  std::ranges::copy(frame, reinterpret_cast<char*>(free) + kSentOffset);
  free->tp_len = static_cast<std::uint32_t>(frame.size());
  set_status(free, TP_STATUS_SEND_REQUEST);
  if (++sent_ == request_.tp_frame_nr) sent_ = 0;
  return true;
}

bool PacketRing::flush() noexcept {
  return ::send(fd_, nullptr, 0, MSG_DONTWAIT) >= 0 || errno == EAGAIN || errno == ENOBUFS;
}

}  // namespace pingperf
