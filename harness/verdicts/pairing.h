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

// Returns the value of a case on an axis of its matrix, as written. Returns null if its matrix has
// no such axis.
const std::string* axis_value(const Case& c, const std::string& axis);

// Returns the name of a case without one axis. Cases that differ only in this axis share it.
std::string rest_of(const Case& c, const std::string& axis);

// Returns each case for which `is_candidate` is true, paired with the case of its workload that has
// the value `baseline` on `axis` and the same values on all other axes.
std::vector<CasePair> pairs_along_axis(const std::string& axis, const std::string& baseline,
                                       const CaseFilter& is_candidate,
                                       const std::vector<Case>& cases);

// Returns each case for which `is_candidate` is true, paired with every case of workload `baseline`
// that has the same values on the axes that both have.
std::vector<CasePair> pairs_with_workload(const std::string& baseline,
                                          const CaseFilter& is_candidate,
                                          const std::vector<Case>& cases);

// Returns the name of the reference of the case `name`: the case by which each of its trials is
// divided. `relative_to` is "key=value" of an axis, or "workload=name". Returns "" if no case fits.
// Throws UsageError if `relative_to` has another form, or if several cases fit.
std::string reference_of(const std::string& name, const std::string& relative_to,
                         const std::vector<Case>& cases);

// Returns true if `relative_to` names this case as a reference.
bool is_reference(const Case& c, const std::string& relative_to);

}  // namespace pingperf
