// What this process uses up in a measured window that is known in advance: for code that cannot be
// asked when its window opens.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "sockets/core/clock.h"
#include "sockets/measure/usage.h"

namespace pingperf {

// Reads the usage as the window opens and as it closes, by a thread that sleeps in between.
class UsageWindow {
 public:
  // From `begin`, for `duration`; empty: until write_to().
  UsageWindow(Nanoseconds begin, std::optional<Nanoseconds> duration);
  ~UsageWindow() { finish(); }

  // Ends the window, unless it is over, and writes what was used in it.
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
  std::thread thread_;  // last: it uses what is above
};

}  // namespace pingperf
