// The metrics of a trial: one table of name, meaning, getter and direction.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/columns.h"

namespace pingperf {

struct Metric {
  std::string name;
  std::string doc;
  std::function<std::optional<double>(const TrialRecord&)> value;
  Better better = Better::neither;
};

// In the order of their columns in trials.csv.
std::vector<Metric> metrics();

// Those that were added after the first order was fixed: they stand at the end of a row.
std::vector<Metric> appended_metrics();

}  // namespace pingperf
