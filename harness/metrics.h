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
  MeasuredBy measured_by = MeasuredBy::any;
};

// The metrics of one generation of columns, in their order: 0 is the contract's, later ones stand
// behind all earlier ones.
std::vector<Metric> metrics(int generation);

}  // namespace pingperf
