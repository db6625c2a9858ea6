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

struct Warning {
  enum class Code {
    rate_not_reached,      // below the offered rate
    rate_exceeded,         // above the offered rate
    pings_not_sent,        // below the offered frequency
    pings_lost,            // more than a few
    short_window,          // of one end
    cpu_stolen,            // by the hypervisor
    cpu_taken,             // by other processes
    port_waits,            // no ephemeral port was free
    buffer_below_request,  // a limit of the kernel is below the requested size
    fragments,             // datagrams are longer than the path's MTU
    unsteady_background,   // its two halves differ
    median_far_off         // from the median of the case's earlier trials
  };
  Code code;
  std::string subject;  // the metric that shows it
  std::string text;     // "25% of the CPU time was stolen"
};

// Returns the rate that both ends together offer, bits per second: `rate` is that of each way, and
// with on_off that of the phases in which an end sends. Returns 0 without `rate`.
double offered_bps(const Options& options);

// Joins the texts by "; ", for the column `quality`.
std::string joined(const std::vector<Warning>& warnings);

// Finds the warnings of a run's trials. Compares each trial with the earlier ones of its case.
class TrialWarnings {
 public:
  // Returns no warnings for a trial that is not ok, whose error is enough.
  std::vector<Warning> find(const TrialRecord& record);

  // Returns the joined texts of find().
  std::string assess(const TrialRecord& record) { return joined(find(record)); }

  // Adds a trial of an earlier session.
  void remember(const std::string& case_name, double rtt_p50_ns);

 private:
  void compare_with_earlier(const TrialRecord& record, std::vector<Warning>& warnings);

  std::map<std::string, std::vector<double>> rtt_p50_ns_;  // by case
};

}  // namespace pingperf
