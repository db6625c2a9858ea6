// The metrics that a report tells, and the words for them.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

// A metric that people look at, and what they call it.
struct ReportMetric {
  std::string name;   // a column of trials.csv
  std::string title;  // "goodput"
};

// What the metric is called; its column's name when it has no other.
std::string title_of(std::string_view metric);

// The metrics with a title, those to be looked at first in front, then the others in `named`, which
// an experiment asks for.
std::vector<ReportMetric> report_metrics(const std::set<std::string>& named);

}  // namespace pingperf
