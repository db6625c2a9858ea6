// Progress: the output of `pingperf run` to stderr while it runs.
#pragma once

#include <cstdio>
#include <span>
#include <string>

#include "harness/results/record.h"
#include "harness/run/trial_run.h"

namespace pingperf {

// On a terminal, rewrites one line: trial k of n, the case, its rate, and the time left. Elsewhere,
// prints one line per trial. If quiet, prints only failures.
class ProgressView {
 public:
  // `out` is stderr. `expected_left` is the planned length of all trials.
  ProgressView(std::FILE* out, bool quiet, std::size_t trials, Nanoseconds expected_left);
  ~ProgressView();
  ProgressView(const ProgressView&) = delete;
  ProgressView& operator=(const ProgressView&) = delete;

  // Print the start and the end of a switch, and its error. A switch belongs to no trial.
  void switch_started(const Variant& variant);
  void switch_ended(const Variant& variant, const std::string& error);
  // The live line shows the first of the trials that run at once.
  void round_started(const Experiment& experiment, std::span<const Trial> round);
  void interval(End end, const Interval& interval);
  void tick();
  void trial_ended(const TrialRecord& record);
  void round_ended();
  // Called instead of these for a round that need not run.
  void round_left_out(const Experiment& experiment, std::span<const Trial> round);

  // Returns "2 min 05 s" or "12 s".
  static std::string clock_text(Nanoseconds time);

 private:
  void show(const std::string& line);
  void clear();

  std::FILE* const out_;
  const bool quiet_;
  const bool live_;  // prints to a terminal
  const std::size_t trials_;
  Nanoseconds expected_left_;
  double stretch_ = 1;  // ratio of the real to the expected length of the trials so far
  Nanoseconds expected_done_ = 0;
  Nanoseconds real_done_ = 0;

  const Case* case_ = nullptr;
  Trial trial_{};
  std::string name_;  // of the running case
  Nanoseconds started_ = 0;
  Nanoseconds expected_ = 0;
  std::string now_;  // the current rate
};

}  // namespace pingperf
