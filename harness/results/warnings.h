// Quality: what a reader should keep in mind about a trial that is ok.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/results/record.h"

namespace pingperf {

// Above these shares of a host's CPU time a trial counts as disturbed.
inline constexpr double kHighSteal = 0.05;
inline constexpr double kHighOtherLoad = 0.10;

// Judges the trials of a run one by one, each in the light of the earlier ones of its case.
class TrialWarnings {
 public:
  // Remarks joined by "; ", or "" when there is nothing to remark: the offered rate or frequency
  // was not reached, the window was short, others took CPU time, the median is far from that of the
  // case's earlier trials.
  std::string assess(const TrialRecord& record);

  // A trial of an earlier session.
  void remember(const std::string& case_name, double rtt_p50_ns);

 private:
  std::map<std::string, std::vector<double>> rtt_p50_ns_;  // by case
};

}  // namespace pingperf
