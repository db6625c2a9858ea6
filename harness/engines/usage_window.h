// Measures the resource usage of this process in a window whose times are known in advance, for
// code that does not report when its window opens.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "sockets/core/clock.h"
#include "sockets/measure/usage.h"

namespace pingperf {

// A thread reads the CPU usage of this process at the start and the end of the window.
class UsageWindow {
 public:
  // The window begins at `begin` and lasts for `duration`; empty: until write_to().
  UsageWindow(Nanoseconds begin, std::optional<Nanoseconds> duration);
  ~UsageWindow() { finish(); }

  // Ends the window if it is open, and writes the usage in it.
  void write_to(Measurement& measurement);

 private:
  void watch();
  bool sleep_until(std::optional<Nanoseconds> when);
  void finish();

  const Nanoseconds begin_;
  const std::optional<Nanoseconds> end_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;  // guarded by mutex_
  bool opened_ = false;
  Usage before_, after_;
  std::thread thread_;  // last, because it uses the members above
};

}  // namespace pingperf
