// The runner: carries out the plan of an experiment and records each trial.
#pragma once

#include <vector>

#include "harness/agent/agents.h"
#include "harness/base/interrupt.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/plan.h"
#include "harness/results/run_directory.h"
#include "harness/run/progress.h"
#include "harness/run/variant_switch.h"

namespace pingperf {

// Returns the trials of `plan` that have no row in `directory`.
std::vector<Trial> missing_trials(const Experiment& experiment, const std::vector<Trial>& plan,
                                  const RunDirectory& directory);

// Runs `trials` round by round and appends one row per trial to `directory`. A failed trial is a
// row, too. Switches to the variant of each trial before it, and undoes the last one. Stops early
// if interrupted. Throws std::system_error if a row cannot be written.
void run_trials(const Experiment& experiment, const std::vector<Trial>& trials, Agents& agents,
                VariantSwitch& variants, RunDirectory& directory, const Interrupt& interrupt,
                ProgressView& progress, const Margins& margins = {});

}  // namespace pingperf
