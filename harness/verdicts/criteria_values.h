// Values that the entries of `compare:` and `gates:` have in common: metrics, numbers and bounds.
#pragma once

#include <string>
#include <string_view>

#include "harness/experiment/error_list.h"
#include "harness/experiment/yaml.h"
#include "harness/results/metrics.h"
#include "sockets/core/options.h"

namespace pingperf {

// Returns the value of a key. Throws UsageError if the entry has none.
const Node& required(const Node& node, std::string_view key, std::string_view where);

// Returns the name of a metric. Throws UsageError.
std::string read_metric(const Node& node);

// Returns true if trials of that kind can have the metric. Only the trials show whether
// they have a metric of MeasuredBy::any.
bool may_have(Kind kind, const std::string& metric);

// Returns the kinds of trials that have the metric, for errors.
std::string_view kinds_with(const Metric& metric);

// Reads 0.95 or 95%. Throws UsageError.
double read_number(const Node& node, std::string_view what);

// Reads a bound in the unit that ends the metric's name. Throws UsageError.
double read_bound(const Node& node, std::string_view what, const std::string& metric);

// Checks the keys of an entry and reads its metric, which stays empty if it is wrong. Returns
// false if a key is wrong: what depends on other keys would be wrong too.
bool read_entry_keys(const Node& node, std::string_view where, std::string& metric,
                     ErrorList& errors);

}  // namespace pingperf
