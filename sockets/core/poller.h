// Poller: waits with level-triggered epoll(7) for objects that have a member `fd`.
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

// Returns true if a non-blocking call that failed with `error` can be repeated later.
inline bool is_transient(int error) noexcept {
  return error == EAGAIN || error == EINTR;
}

// Returns why epoll_pwait2(2), which the poller requires, is not available; nullopt if it is.
inline std::optional<std::string> epoll_unavailable() {
  epoll_event event;
  ::epoll_pwait2(-1, &event, 1, nullptr, nullptr);
  if (errno == EBADF) return std::nullopt;  // the kernel has the call and checked the descriptor
  return "epoll_pwait2(2) is not available (it requires Linux 5.11; a container may filter it): " +
         std::generic_category().message(errno);
}

// Waits for the flows that were added. The caller owns the flows. Not thread-safe.
template <typename Flow>
class Poller {
 public:
  Poller() : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

  // Adds `flow`, which must not move until forget() or the end of the poller. Throws
  // std::system_error.
  void watch(Flow& flow, std::uint32_t events) {
    check(control(EPOLL_CTL_ADD, flow, events), "epoll_ctl");
  }
  // Does the same in a loop. Returns false with errno on an error.
  bool try_watch(Flow& flow, std::uint32_t events) noexcept {
    return control(EPOLL_CTL_ADD, flow, events) == 0;
  }

  // Replaces the events of `flow`. 0: only errors and hang-ups.
  void change(Flow& flow, std::uint32_t events) noexcept { control(EPOLL_CTL_MOD, flow, events); }

  // Removes `flow`. A flow whose peer has finished would otherwise always be ready.
  void forget(const Flow& flow) noexcept {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, flow.fd.get(), nullptr);
  }

  // Waits until a flow is ready, `timeout` has passed or a signal arrives. A negative `timeout`
  // does not pass.
  void wait(Nanoseconds timeout) noexcept {
    const timespec t{timeout / kSecond, timeout % kSecond};
    ready_ = std::max(0, ::epoll_pwait2(epoll_.get(), events_.data(), kMaxEvents,
                                        timeout < 0 ? nullptr : &t, nullptr));
  }

  // Returns true if the last wait() found a flow ready.
  bool any_ready() const noexcept { return ready_ > 0; }

  // Calls take(flow) for each flow that the last wait() found ready.
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
