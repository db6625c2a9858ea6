// EventLoop: one thread that waits for many descriptors and deadlines.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include "sockets/core/clock.h"
#include "sockets/core/fd.h"

namespace pingperf {

class EventLoop;

// Wakes one coroutine: `co_await signal.until(deadline)` ends after notify() or at the deadline.
class Signal {
 public:
  explicit Signal(EventLoop& loop) : loop_(loop) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal();  // the coroutine that waits may have been destroyed before

  // Ends the present wait, or the next one if there is none.
  void notify();

  struct Wait {
    Signal& signal;
    Nanoseconds deadline;

    bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> waiting) const;
    void await_resume() const noexcept {
      signal.is_notified_ = false;
      signal.woken_ = nullptr;
    }
  };
  Wait until(Nanoseconds deadline) { return {*this, deadline}; }

 private:
  friend EventLoop;
  void wake();

  EventLoop& loop_;
  bool is_notified_ = false;
  std::coroutine_handle<> waiting_;
  std::coroutine_handle<> woken_;  // has been waiting, and the loop will resume it
  std::multimap<Nanoseconds, Signal*>::iterator deadline_;  // while a coroutine waits
};

class EventLoop {
 public:
  EventLoop();  // throws std::system_error

  // Calls `handler` in run_once() whenever the descriptor is readable (or writable), until
  // forget(), which must precede the end of the descriptor.
  void watch_reads(int fd, std::function<void()> handler);
  void watch_writes(int fd, std::function<void()> handler);
  void forget(int fd) noexcept;

  // Waits for an event, at most until `deadline` (of now_ns()), then calls the handlers and resumes
  // the coroutines whose signal was notified or whose deadline has passed.
  void run_once(Nanoseconds deadline);

 private:
  friend Signal;
  void watch(int fd, std::uint32_t events, std::function<void()> handler);
  void resume_ready();

  Fd epoll_;
  std::unordered_map<int, std::function<void()>> handlers_;
  std::multimap<Nanoseconds, Signal*> deadlines_;
  std::vector<std::coroutine_handle<>> ready_;
};

}  // namespace pingperf
