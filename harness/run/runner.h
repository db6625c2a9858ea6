// The runner: carries out the plan of an experiment and records each trial.
#pragma once

#include <functional>
#include <vector>

#include "harness/agent/agents.h"
#include "harness/base/interrupt.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/plan.h"
#include "harness/results/run_directory.h"
#include "harness/run/progress.h"
#include "harness/run/variant_switch.h"

namespace pingperf {

// Steers the trials whose parameters depend on the results of earlier ones, and follows the run.
// All are called by one thread.
struct Steering {
  // Returns false if the trial need not run. Called before the round of the trial, and may change
  // the options of its case.
  std::function<bool(const Trial&)> admits = [](const Trial&) { return true; };
  // Called before a trial begins, and at each interval that an end reports while it runs.
  std::function<void(const Trial&)> started = [](const Trial&) {};
  std::function<void(const Trial&, End, const Interval&)> interval = [](const Trial&, End,
                                                                        const Interval&) {};
  // Called when the row of a trial has been written.
  std::function<void(const TrialRecord&)> recorded = [](const TrialRecord&) {};
};

// Returns the trials of `plan` that have no row in `directory`.
std::vector<Trial> missing_trials(const Experiment& experiment, const std::vector<Trial>& plan,
                                  const RunDirectory& directory);

// Runs `trials` round by round and appends one row per trial to `directory`. A failed trial is a
// row, too. Leaves out the trials that `steering` does not admit. Switches to the variant of each
// trial before it, and undoes the last one. Stops early if interrupted. Throws std::system_error if
// a row cannot be written.
void run_trials(const Experiment& experiment, const std::vector<Trial>& trials, Agents& agents,
                VariantSwitch& variants, RunDirectory& directory, const Interrupt& interrupt,
                ProgressView& progress, const Margins& margins = {}, const Steering& steering = {});

}  // namespace pingperf
