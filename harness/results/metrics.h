// The metrics of a trial: one table of name, meaning, getter and direction.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/results/record.h"

namespace pingperf {

enum class Better { neither, higher, lower };

// Which trials have a metric: those of kind throughput, those of latency and connect, or that is
// not known beforehand.
enum class MeasuredBy { any, transfers, pings };

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

// A metric's value with the unit that its name ends in, scaled for people: "12.3 Gbit/s".
std::string human_metric(std::string_view metric, double value);

}  // namespace pingperf
