#include "harness/engines/usage_window.h"

#include <chrono>

#include "sockets/core/limits.h"

namespace pingperf {

UsageWindow::UsageWindow(Nanoseconds begin, std::optional<Nanoseconds> duration)
    : begin_(begin),
      end_(duration ? std::optional(begin + *duration) : std::nullopt),
      thread_(start_thread("the thread that counts CPU time", [this] { watch(); })) {}

void UsageWindow::write_to(Measurement& measurement) {
  finish();
  if (opened_) set_usage(measurement, before_, after_);
}

void UsageWindow::watch() {
  if (sleep_until(begin_)) return;
  before_ = Usage::now();
  opened_ = true;
  sleep_until(end_);
  after_ = Usage::now();
}

// Returns true if write_to() was called before `when`; empty: never.
bool UsageWindow::sleep_until(std::optional<Nanoseconds> when) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return over_; };
  if (!when) {
    changed_.wait(lock, over);
    return true;
  }
  const std::chrono::steady_clock::time_point instant{std::chrono::nanoseconds(*when)};
  return changed_.wait_until(lock, instant, over);
}

void UsageWindow::finish() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace pingperf
