// CounterShift: a counter of the kernel that changed together with a compared figure.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/counter_table.h"

namespace pingperf {

struct CounterShift {
  CounterId counter;
  std::vector<CounterId> same;  // other counters that had the same changes in every trial
  double before = 0;  // median change per trial of the baseline; mean if both medians are 0
  double after = 0;   // the same of the compared case
  // The ratio of the counts per `unit`; empty if one of the two is usually 0.
  std::optional<double> ratio;
  std::string unit;  // "second", "byte" or "round trip"; "trial" if the trials have no length
  double q_value = 1;
};

// Returns the first `limit` counters: "TcpExt.TCPLostRetransmit 0 → 41, Tcp.RetransSegs ×9, NET_RX
// softirqs on CPU 1 ×1.6 per byte, and 2 more". A ratio without a unit is one of counts per second.
std::string counters_text(const std::vector<CounterShift>& counters, std::size_t limit);

// Returns an array of objects.
nlohmann::ordered_json counters_json(const std::vector<CounterShift>& counters);

}  // namespace pingperf
