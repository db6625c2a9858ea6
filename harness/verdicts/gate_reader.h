// Reads the entries of `gates:`, and the stored runs that gates compare with.
#pragma once

#include "harness/experiment/experiment_file.h"
#include "harness/experiment/yaml.h"
#include "harness/verdicts/case_selector.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// Reads one entry. `may_repeat` is true if the plan says how many blocks an undecided gate may add.
// Throws UsageError.
Gate read_gate(const Node& entry, const CaseSelector& cases, const Folders& folders,
               bool may_repeat);

// Opens the stored runs of the gates. Throws UsageError if one cannot be read or lacks a case of
// its gate.
void open_stored_runs(Criteria& criteria);

}  // namespace pingperf
