// The metrics that a report shows.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace pingperf {

// Returns the metrics that every report shows, the most important first, then the others in
// `named`: those of the experiment's comparisons and gates, and its own percentiles.
std::vector<std::string> report_metrics(const std::set<std::string>& named);

}  // namespace pingperf
