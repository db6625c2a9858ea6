// Warnings: reasons to distrust a trial that is ok.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/results/record.h"

namespace pingperf {

// Above these shares of a host's CPU time a trial counts as disturbed.
inline constexpr double kHighSteal = 0.05;
inline constexpr double kHighOtherLoad = 0.10;

// Returns the rate that both ends together offer, bits per second: `rate` is that of each way, and
// with on_off that of the phases in which an end sends. Returns 0 without `rate`.
double offered_bps(const Options& options);

// Finds the warnings of a run's trials. Compares each trial with the earlier ones of its case.
class TrialWarnings {
 public:
  // Returns the texts of the warnings: "25% of the CPU time was stolen". Returns none for a trial
  // that is not ok, whose error is enough.
  std::vector<std::string> find(const TrialRecord& record);

  // Returns the texts of find(), joined by "; ", for the column `quality`.
  std::string assess(const TrialRecord& record);

  // Adds a trial of an earlier session.
  void remember(const std::string& case_name, double rtt_p50_ns);

 private:
  void compare_with_earlier(const TrialRecord& record, std::vector<std::string>& warnings);

  std::map<std::string, std::vector<double>> rtt_p50_ns_;  // by case
};

}  // namespace pingperf
