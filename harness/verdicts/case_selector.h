// Selects the cases that an entry of `compare:` or `gates:` is about.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/experiment/yaml.h"
#include "harness/verdicts/pairing.h"

namespace pingperf {

// The functions throw UsageError. What they return refers to the entry.
class CaseSelector {
 public:
  // `root` is the experiment file.
  CaseSelector(const Node& root, const std::vector<Case>& cases) : root_(root), cases_(cases) {}

  const std::vector<Case>& cases() const noexcept { return cases_; }

  // Returns a filter for the cases that `workload` and `where` name and that may have the metric.
  // An empty metric is ignored.
  CaseFilter filter(const Node& entry, const std::string& metric) const;

  // Returns the pairs along `axis` with its baseline value, or with the baseline workload.
  std::vector<CasePair> pairs(const Node& entry, const CaseFilter& is_candidate) const;

 private:
  void check_where(const Node& where) const;
  std::vector<std::string_view> keys_of_cases() const;
  std::string read_workload(const Node& node) const;
  void check_axis_value(const std::string& key, const Node& axis, std::string_view what,
                        const Node& value, const Node& entry) const;

  const Node& root_;
  const std::vector<Case>& cases_;
};

}  // namespace pingperf
