#include "harness/base/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sockets/core/error.h"
#include "sockets/core/io.h"

namespace pingperf {

Signal::~Signal() {
  if (waiting_) loop_.deadlines_.erase(deadline_);
  if (woken_) std::erase(loop_.ready_, woken_);
}

void Signal::notify() {
  is_notified_ = true;
  if (waiting_) wake();
}

void Signal::wake() {
  loop_.deadlines_.erase(deadline_);
  woken_ = std::exchange(waiting_, nullptr);
  loop_.ready_.push_back(woken_);
}

bool Signal::Wait::await_ready() const noexcept {
  return signal.is_notified_ || now_ns() >= deadline;
}

void Signal::Wait::await_suspend(std::coroutine_handle<> waiting) const {
  signal.deadline_ = signal.loop_.deadlines_.emplace(deadline, &signal);
  signal.waiting_ = waiting;
}

EventLoop::EventLoop() : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

void EventLoop::watch_reads(int fd, std::function<void()> handler) {
  watch(fd, EPOLLIN, std::move(handler));
}

void EventLoop::watch_writes(int fd, std::function<void()> handler) {
  watch(fd, EPOLLOUT, std::move(handler));
}

void EventLoop::watch(int fd, std::uint32_t events, std::function<void()> handler) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  handlers_[fd] = std::move(handler);
}

void EventLoop::forget(int fd) noexcept {
  if (handlers_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::run_once(Nanoseconds deadline) {
  if (!ready_.empty()) deadline = 0;
  if (!deadlines_.empty()) deadline = std::min(deadline, deadlines_.begin()->first);
  std::array<epoll_event, 64> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), poll_ms(deadline));
  for (int i = 0; i < count; ++i) {
    const auto found = handlers_.find(events[static_cast<std::size_t>(i)].data.fd);
    if (found == handlers_.end()) continue;               // an earlier handler has forgotten it
    const std::function<void()> handler = found->second;  // it may forget itself
    handler();
  }
  const Nanoseconds now = now_ns();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    deadlines_.begin()->second->wake();
  resume_ready();
}

void EventLoop::resume_ready() {
  for (const std::coroutine_handle<> ready : std::exchange(ready_, {})) ready.resume();
}

}  // namespace pingperf
