// Poller: epoll(7), level-triggered, over objects that have an `fd`.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

#include "sockets/core/clock.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"

namespace pingperf {

// True when a non-blocking call that failed with `error` may be made again later.
inline bool is_transient(int error) noexcept {
  return error == EAGAIN || error == EINTR;
}

// Why this host cannot wait as the poller does; nothing when it can.
inline std::optional<std::string> epoll_unavailable() {
  epoll_event event;
  ::epoll_pwait2(-1, &event, 1, nullptr, nullptr);
  if (errno == EBADF) return std::nullopt;  // it looked for the descriptor
  return "no epoll_pwait2(2) here (older than Linux 5.11, or a container's filter): " +
         std::generic_category().message(errno);
}

template <typename Flow>
class Poller {
 public:
  Poller() : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

  // `flow` must stay where it is. Throws std::system_error.
  void watch(Flow& flow, std::uint32_t events) {
    check(control(EPOLL_CTL_ADD, flow, events), "epoll_ctl");
  }

  // From now on for these events; 0: for an error or a hang-up alone.
  void change(Flow& flow, std::uint32_t events) noexcept { control(EPOLL_CTL_MOD, flow, events); }

  // A flow whose peer is done would be ready for ever.
  void forget(const Flow& flow) noexcept {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, flow.fd.get(), nullptr);
  }

  // A negative `timeout` lasts for ever. A signal ends the wait too.
  void wait(Nanoseconds timeout) noexcept {
    const timespec t{timeout / kSecond, timeout % kSecond};
    ready_ = std::max(0, ::epoll_pwait2(epoll_.get(), events_.data(), kMaxEvents,
                                        timeout < 0 ? nullptr : &t, nullptr));
  }

  // Calls take(flow) with each that the wait found ready.
  template <typename Take>
  void for_each_ready(Take take) noexcept {
    for (int i = 0; i < ready_; ++i)
      take(*static_cast<Flow*>(events_[static_cast<std::size_t>(i)].data.ptr));
  }

 private:
  static constexpr int kMaxEvents = 128;

  int control(int operation, Flow& flow, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &flow;
    return ::epoll_ctl(epoll_.get(), operation, flow.fd.get(), &event);
  }

  Fd epoll_;
  std::array<epoll_event, kMaxEvents> events_{};
  int ready_ = 0;
};

}  // namespace pingperf
