// Ring: an io_uring (io_uring(7)) of one thread. No other file includes liburing.
#pragma once

#include <liburing.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "sockets/core/clock.h"
#include "sockets/core/page_bytes.h"

namespace pingperf {

// Returns why io_uring is not available; nullopt if it is.
inline std::optional<std::string> io_uring_unavailable() {
  io_uring probe;
  int result = ::io_uring_queue_init(2, &probe, 0);
  if (result == 0) {  // a filter may refuse the other calls
    ::io_uring_prep_nop(::io_uring_get_sqe(&probe));
    result = ::io_uring_submit(&probe);
    ::io_uring_queue_exit(&probe);
  }
  if (result >= 0) return std::nullopt;
  return "io_uring is not available (see sysctl kernel.io_uring_disabled; a container may filter "
         "it): " +
         std::generic_category().message(-result);
}

// Owns an io_uring. Only one thread may use it.
class Ring {
 public:
  // Creates a ring for `entries` submissions and twice as many completions. Completions run when
  // the thread waits, if the kernel supports it (IORING_SETUP_DEFER_TASKRUN, Linux 6.1). With
  // `sqpoll` a kernel thread submits instead of the calling thread. Throws std::system_error.
  Ring(unsigned entries, bool sqpoll) {
    const unsigned choices[] = {sqpoll ? IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER
                                       : IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                                sqpoll ? static_cast<unsigned>(IORING_SETUP_SQPOLL) : 0};
    int result = 0;
    for (const unsigned flags : choices) {
      io_uring_params params{};
      params.flags = flags | IORING_SETUP_CLAMP;
      params.sq_thread_idle = 1000;  // ms without work before the kernel thread sleeps
      result = ::io_uring_queue_init_params(entries, &ring_, &params);
      if (result != -EINVAL) break;
    }
    if (result < 0)
      throw std::system_error(-result, std::generic_category(),
                              "io_uring of " + std::to_string(entries) + " entries");
    ::io_uring_register_ring_fd(&ring_);  // saves a lookup per call; a failure does no harm
  }
  ~Ring() { exit(); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Closes the ring and cancels the requests in progress. The destructor does the same.
  void exit() noexcept {
    if (open_) ::io_uring_queue_exit(&ring_);
    open_ = false;
  }

  // Registers descriptors, so that submissions can refer to them by index (IOSQE_FIXED_FILE).
  // Throws std::system_error.
  void register_files(std::span<const int> files) {
    const int result =
        ::io_uring_register_files(&ring_, files.data(), static_cast<unsigned>(files.size()));
    if (result < 0) throw std::system_error(-result, std::generic_category(), "register_files");
  }

  // Returns a submission to fill in. If the queue is full, submits it first.
  io_uring_sqe* next() noexcept {
    io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
      ::io_uring_submit(&ring_);
      sqe = ::io_uring_get_sqe(&ring_);
    }
    return sqe;
  }

  // Submits the queue and waits for a completion.
  void submit_and_wait() noexcept { ::io_uring_submit_and_wait(&ring_, 1); }

  // Does the same, but waits no longer than `timeout`.
  void submit_and_wait(Nanoseconds timeout) noexcept {
    __kernel_timespec t{timeout / kSecond, timeout % kSecond};
    io_uring_cqe* cqe = nullptr;
    ::io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &t, nullptr);
  }

  // Calls take(completion) for each completion that has arrived.
  template <typename Take>
  void for_each_completion(Take take) noexcept {
    unsigned head, count = 0;
    io_uring_cqe* cqe;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++count;
      take(*cqe);
    }
    ::io_uring_cq_advance(&ring_, count);
  }

  io_uring* get() noexcept { return &ring_; }

 private:
  io_uring ring_{};
  bool open_ = true;
};

// A ring whose waits can be limited. One timeout request serves many waits, because a timeout per
// wait would cost more. No submission may have the user_data ~0, which is that of the timeout. The
// caller passes each completion to take_tick() first.
class TickingRing final : public Ring {
 public:
  using Ring::Ring;

  // Limits each wait to `period`. Call it once.
  void tick_every(Nanoseconds period) noexcept {
    tick_ = {period / kSecond, period % kSecond};
    arm();
  }

  // Returns true if the completion is that of the timeout, which is then requested again.
  bool take_tick(const io_uring_cqe& cqe) noexcept {
    if (cqe.user_data != kTick) return false;
    arm();
    return true;
  }

 private:
  static constexpr std::uint64_t kTick = ~0ull;

  void arm() noexcept {
    io_uring_sqe* const sqe = next();
    ::io_uring_prep_timeout(sqe, &tick_, 0, 0);
    ::io_uring_sqe_set_data64(sqe, kTick);
  }

  __kernel_timespec tick_{};
};

// Buffers for the receives of one ring (IORING_REGISTER_PBUF_RING, Linux 5.19). The kernel takes a
// buffer when data arrives, so one multishot request can receive without end.
class ProvidedBuffers {
 public:
  static constexpr unsigned kGroup = 0;
  static constexpr std::size_t kMax = 32768;

  // Allocates at least `count` buffers of `size` bytes, at most kMax. Throws std::system_error or
  // std::bad_alloc.
  ProvidedBuffers(Ring& ring, std::size_t count, std::size_t size)
      : count_(std::min(std::bit_ceil(count), kMax)),
        size_(size),
        memory_(allocate<char>(count_ * size)),
        buffers_(allocate<io_uring_buf_ring>(count_ * sizeof(io_uring_buf))) {
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_.get());
    registration.ring_entries = static_cast<unsigned>(count_);
    registration.bgid = kGroup;
    const int result = ::io_uring_register_buf_ring(ring.get(), &registration, 0);
    if (result < 0)
      throw std::system_error(-result, std::generic_category(), "io_uring_register_buf_ring");
    ::io_uring_buf_ring_init(buffers_.get());
    for (std::size_t id = 0; id < count_; ++id) release(static_cast<std::uint16_t>(id));
  }

  char* data(std::uint16_t id) noexcept { return memory_.get() + id * size_; }

  // Copies `content`, which is at most one buffer, to every buffer.
  void fill(std::span<const char> content) noexcept {
    for (std::size_t id = 0; id < count_; ++id)
      std::copy(content.begin(), content.end(), data(static_cast<std::uint16_t>(id)));
  }

  // Returns a buffer to the kernel when its data is no longer used.
  void release(std::uint16_t id) noexcept {
    ::io_uring_buf_ring_add(buffers_.get(), data(id), static_cast<unsigned>(size_), id,
                            ::io_uring_buf_ring_mask(static_cast<unsigned>(count_)), 0);
    ::io_uring_buf_ring_advance(buffers_.get(), 1);
  }

 private:
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  template <typename T>
  using Pages = std::unique_ptr<T, Free>;

  // Returns memory that starts at a page and is not initialised.
  template <typename T>
  static Pages<T> allocate(std::size_t bytes) {
    const std::size_t whole = (bytes + kPageSize - 1) / kPageSize * kPageSize;
    Pages<T> memory(static_cast<T*>(std::aligned_alloc(kPageSize, whole)));
    if (!memory) throw std::bad_alloc();
    return memory;
  }

  const std::size_t count_;
  const std::size_t size_;
  Pages<char> memory_;
  Pages<io_uring_buf_ring> buffers_;
};

}  // namespace pingperf
