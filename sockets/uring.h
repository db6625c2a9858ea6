// Ring: an io_uring of one thread. The only file that includes liburing.
#pragma once

#include <liburing.h>

#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "sockets/clock.h"

namespace pingperf {

// Why this host has no io_uring; nothing when it has.
inline std::optional<std::string> io_uring_unavailable() {
  io_uring probe;
  const int result = ::io_uring_queue_init(2, &probe, 0);
  if (result == 0) {
    ::io_uring_queue_exit(&probe);
    return std::nullopt;
  }
  return "this kernel gives no io_uring (see sysctl kernel.io_uring_disabled): " +
         std::generic_category().message(-result);
}

class Ring {
 public:
  // Room for `entries` submissions at once and twice as many completions. Submitted by the calling
  // thread alone, completions run when it waits (IORING_SETUP_DEFER_TASKRUN, Linux 6.1), where the
  // kernel can; `sqpoll`: by a thread of the kernel's instead. Throws std::system_error.
  Ring(unsigned entries, bool sqpoll) {
    const unsigned choices[] = {
        sqpoll ? IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER
               : IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        sqpoll ? static_cast<unsigned>(IORING_SETUP_SQPOLL) : 0};
    int result = 0;
    for (const unsigned flags : choices) {
      io_uring_params params{};
      params.flags = flags | IORING_SETUP_CLAMP;
      params.sq_thread_idle = 1000;  // ms without work until the kernel's thread sleeps
      result = ::io_uring_queue_init_params(entries, &ring_, &params);
      if (result != -EINVAL) break;
    }
    if (result < 0) throw std::system_error(-result, std::generic_category(), "io_uring");
    ::io_uring_register_ring_fd(&ring_);  // saves a lookup a call; without it all works too
  }
  ~Ring() { ::io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Lets submissions name descriptors by their index here. Throws std::system_error.
  void register_files(std::span<const int> files) {
    const int result =
        ::io_uring_register_files(&ring_, files.data(), static_cast<unsigned>(files.size()));
    if (result < 0) throw std::system_error(-result, std::generic_category(), "register_files");
  }

  // A submission to fill in. What is queued goes to the kernel when there is no room for more.
  io_uring_sqe* next() noexcept {
    io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
      ::io_uring_submit(&ring_);
      sqe = ::io_uring_get_sqe(&ring_);
    }
    return sqe;
  }

  // Submits what is queued and waits for a completion; a negative `timeout` lasts for ever.
  void submit_and_wait(Nanoseconds timeout) noexcept {
    if (timeout < 0) {
      ::io_uring_submit_and_wait(&ring_, 1);
      return;
    }
    __kernel_timespec t{timeout / kSecond, timeout % kSecond};
    io_uring_cqe* first = nullptr;
    ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &t, nullptr);
  }

  // Calls take(user data, result) with each completion that is here.
  template <typename Take>
  void for_each_completion(Take take) noexcept {
    unsigned head, count = 0;
    io_uring_cqe* cqe;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++count;
      take(cqe->user_data, cqe->res);
    }
    ::io_uring_cq_advance(&ring_, count);
  }

 private:
  io_uring ring_{};
};

}  // namespace pingperf
