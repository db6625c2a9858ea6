// The metrics that a report shows.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace pingperf {

// Returns the metrics that every report shows, the most important first, then the others in
// `named`: the experiment's comparisons and gates name them.
std::vector<std::string> report_metrics(const std::set<std::string>& named);

}  // namespace pingperf
