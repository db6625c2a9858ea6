#include "sockets/ethernet/xdp_socket.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "sockets/core/error.h"
#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

constexpr std::uint32_t kQueue = 0;
constexpr std::uint32_t kFrames = 1024;  // of a direction
constexpr std::size_t kHeadroom = 256;   // in front of a received frame (XDP_PACKET_HEADROOM)
static_assert(kMaxXdpFrame + kHeadroom == 4096);  // the largest chunk, a page
constexpr int kBusyPollBudget = 64;               // frames per poll of the device

std::size_t chunk_for(std::size_t frame) {
  for (const std::size_t chunk : {2048, 4096})
    if (frame + kHeadroom <= chunk) return chunk;
  throw std::runtime_error("a frame does not fit into a chunk");  // validate_ethernet() refuses it
}

// Throws the error that a function of libxdp has returned. ENOBUFS means that the memory exceeds
// RLIMIT_MEMLOCK; explained() adds that limit to ENOMEM.
void check_returned(int result, const std::string& what) {
  if (result == -ENOBUFS) result = -ENOMEM;
  if (result < 0) throw std::system_error(-result, std::generic_category(), what);
}

}  // namespace

std::size_t locked_memory(std::size_t frame) {
  return 2 * kFrames * chunk_for(frame);
}

void XdpSocket::Unmap::operator()(char* memory) const noexcept {
  ::munmap(memory, size);
}

XdpSocket::XdpSocket(int, const Options& options, FrameStart sent)
    : chunk_(chunk_for(options.message_size.value())),
      always_wake_(!options.need_wakeup.value_or(true)),
      memory_(nullptr, Unmap{locked_memory(options.message_size.value())}),
      program_(interface_of(options, sent), received_mark(sent)) {
  register_memory();
  open(interface_of(options, sent), options);
  if (options.busy_poll) enable_busy_poll(*options.busy_poll);
  fill();
  program_.redirect_to(fd_, kQueue);
}

void XdpSocket::register_memory() {
  const std::size_t size = memory_.get_deleter().size;
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  const std::string what = std::to_string(size >> 20) + " MiB for the frames of an AF_XDP socket";
  if (memory == MAP_FAILED) check(-1, what);
  memory_.reset(static_cast<char*>(memory));
  const xsk_umem_config config = {.fill_size = kFrames,
                                  .comp_size = kFrames,
                                  .frame_size = static_cast<std::uint32_t>(chunk_),
                                  .frame_headroom = 0,
                                  .flags = 0};
  xsk_umem* umem = nullptr;
  check_returned(::xsk_umem__create(&umem, memory, size, &filling_, &completed_, &config),
                 what + " (requires CAP_NET_RAW)");
  umem_.reset(umem);
}

void XdpSocket::open(const std::string& interface, const Options& options) {
  const bool zero_copy = options.zero_copy.value_or(false);
  xsk_socket_config config{};
  config.rx_size = config.tx_size = kFrames;
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  config.bind_flags = zero_copy ? XDP_ZEROCOPY : XDP_COPY;
  if (!always_wake_) config.bind_flags |= XDP_USE_NEED_WAKEUP;
  xsk_socket* socket = nullptr;
  const int result = ::xsk_socket__create(&socket, interface.c_str(), kQueue, umem_.get(),
                                          &received_, &sending_, &config);
  if (zero_copy && (result == -EOPNOTSUPP || result == -EINVAL))
    check_returned(result,
                   "zero_copy: the driver of interface '" + interface + "' has none for AF_XDP");
  check_returned(result, "AF_XDP socket on queue 0 of interface '" + interface + "'");
  socket_.reset(socket);
  fd_ = ::xsk_socket__fd(socket);
}

void XdpSocket::enable_busy_poll(Nanoseconds time) {
  set_option(fd_, SOL_SOCKET, SO_PREFER_BUSY_POLL, 1, "SO_PREFER_BUSY_POLL");
  set_option(fd_, SOL_SOCKET, SO_BUSY_POLL, static_cast<int>(time / kMicrosecond), "busy_poll");
  set_option(fd_, SOL_SOCKET, SO_BUSY_POLL_BUDGET, kBusyPollBudget, "SO_BUSY_POLL_BUDGET");
  busy_poll_ = true;
}

// Gives the first half of the chunks to the receiver.
void XdpSocket::fill() {
  std::uint32_t index = 0;
  ::xsk_ring_prod__reserve(&filling_, kFrames, &index);
  for (std::uint32_t i = 0; i < kFrames; ++i) {
    *::xsk_ring_prod__fill_addr(&filling_, index + i) = i * chunk_;
    free_.push_back((kFrames + i) * chunk_);
  }
  ::xsk_ring_prod__submit(&filling_, kFrames);
}

std::span<char> XdpSocket::poll() noexcept {
  std::uint32_t index = 0;
  if (::xsk_ring_cons__peek(&received_, 1, &index) == 0) {
    errno = EAGAIN;
    return {};
  }
  const xdp_desc& frame = *::xsk_ring_cons__rx_desc(&received_, index);
  current_ = frame.addr;
  return {memory_.get() + frame.addr, frame.len};
}

// Returns the chunk to the kernel. The ring has room for all chunks of the receiver.
void XdpSocket::release() noexcept {
  ::xsk_ring_cons__release(&received_, 1);
  std::uint32_t index = 0;
  ::xsk_ring_prod__reserve(&filling_, 1, &index);
  *::xsk_ring_prod__fill_addr(&filling_, index) = current_ / chunk_ * chunk_;
  ::xsk_ring_prod__submit(&filling_, 1);
}

// Lets the kernel poll the device if it waits for a system call to do so.
void XdpSocket::drive_receiver() noexcept {
  if (busy_poll_ || ::xsk_ring_prod__needs_wakeup(&filling_))
    ::recvfrom(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
  errno = EAGAIN;
}

// Takes back the chunks of sent frames.
void XdpSocket::reclaim() noexcept {
  std::uint32_t index = 0;
  const std::uint32_t n = ::xsk_ring_cons__peek(&completed_, kFrames, &index);
  if (n == 0) return;
  for (std::uint32_t i = 0; i < n; ++i)
    free_.push_back(*::xsk_ring_cons__comp_addr(&completed_, index + i));
  ::xsk_ring_cons__release(&completed_, n);
}

bool XdpSocket::put(std::span<const char> frame) noexcept {
  if (free_.empty()) reclaim();
  std::uint32_t index = 0;
  if (free_.empty() || ::xsk_ring_prod__reserve(&sending_, 1, &index) == 0) {
    errno = EAGAIN;
    return false;
  }
  const std::uint64_t chunk = free_.back();
  free_.pop_back();
  std::ranges::copy(frame, memory_.get() + chunk);
  xdp_desc& sent = *::xsk_ring_prod__tx_desc(&sending_, index);
  sent = {.addr = chunk, .len = static_cast<std::uint32_t>(frame.size()), .options = 0};
  ::xsk_ring_prod__submit(&sending_, 1);
  return true;
}

// A call sends at most 32 frames, and returns EAGAIN if more are left.
bool XdpSocket::flush() noexcept {
  if (!always_wake_ && !::xsk_ring_prod__needs_wakeup(&sending_)) return true;
  for (int calls = 0; ::sendto(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0; ++calls) {
    if (errno == EAGAIN && calls < 8) continue;
    return errno == EAGAIN || errno == EBUSY || errno == ENOBUFS || errno == EINTR;
  }
  return true;
}

void XdpSocket::make_room() noexcept {
  flush();
  reclaim();
  if (free_.empty()) sleep_for_frames(fd_, POLLOUT);
}

}  // namespace pingperf
