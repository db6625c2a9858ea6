// Pairing: the pairs of cases that an experiment compares.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

using CaseFilter = std::function<bool(const Case&)>;

// Returns the value of a case on an axis of its matrix, as written; null without such an axis.
const std::string* axis_value(const Case& c, const std::string& axis);

// Returns the name of a case without one axis. Cases that differ only in this axis share it.
std::string rest_of(const Case& c, const std::string& axis);

// Each case that `is_candidate` takes, with the case of its workload that has `baseline` on `axis`
// and agrees with it on every other.
std::vector<CasePair> pairs_along_axis(const std::string& axis, const std::string& baseline,
                                       const CaseFilter& is_candidate,
                                       const std::vector<Case>& cases);

// Each case that `is_candidate` takes, with every case of workload `baseline` that agrees with it
// on the axes that both have.
std::vector<CasePair> pairs_with_workload(const std::string& baseline,
                                          const CaseFilter& is_candidate,
                                          const std::vector<Case>& cases);

// The case of `cases` that each trial of the case `name` is divided by, when all are to be relative
// to "key=value" of an axis, or "workload=name"; empty when there is none. Throws UsageError when
// `relative_to` is not of that form, or several cases would do.
std::string reference_of(const std::string& name, const std::string& relative_to,
                         const std::vector<Case>& cases);

// Returns true if `relative_to` names this case as a reference.
bool is_reference(const Case& c, const std::string& relative_to);

}  // namespace pingperf
