// Gates: bounds on an experiment's results.
#pragma once

#include <vector>

#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"
#include "harness/verdicts/verdict.h"

namespace pingperf {

// Returns the verdict on every case of every gate.
std::vector<Verdict> judge_gates(const Criteria& criteria, const TrialTable& trials);

}  // namespace pingperf
