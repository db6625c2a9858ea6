// The runner: carries out the plan of an experiment, trial after trial, and records each.
#pragma once

#include <vector>

#include "harness/agent/agents.h"
#include "harness/base/interrupt.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/plan.h"
#include "harness/results/run_directory.h"
#include "harness/run/progress.h"

namespace pingperf {

// The trials of `plan` that are not among the finished ones of `directory`.
std::vector<Trial> missing_trials(const Experiment& experiment, const std::vector<Trial>& plan,
                                  const RunDirectory& directory);

// Runs `trials`, wave after wave, and appends a row for each to `directory`; stops early when
// interrupted. What fails is a row; throws std::system_error when a row cannot be written.
void run_trials(const Experiment& experiment, const std::vector<Trial>& trials, Agents& agents,
                RunDirectory& directory, const Interrupt& interrupt, ProgressView& progress);

}  // namespace pingperf
