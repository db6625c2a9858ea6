#include "harness/run/runner.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "harness/run/round_runner.h"

namespace pingperf {

std::vector<Trial> missing_trials(const Experiment& experiment, const std::vector<Trial>& plan,
                                  const RunDirectory& directory) {
  std::vector<Trial> missing;
  for (const Trial& trial : plan)
    if (!directory.finished().contains(experiment.cases[trial.case_index].name, trial.block))
      missing.push_back(trial);
  return missing;
}

void run_trials(const Experiment& experiment, const std::vector<Trial>& trials, Agents& agents,
                VariantSwitch& variants, RunDirectory& directory, const Interrupt& interrupt,
                ProgressView& progress, const Margins& margins, const Steering& steering) {
  RoundRunner runner(experiment, agents, variants, directory, interrupt, progress, margins,
                     steering);
  bool is_first = true;
  for (auto begin = trials.begin(); begin != trials.end();) {
    const auto end = std::find_if(begin, trials.end(),
                                  [&](const Trial& trial) { return trial.round != begin->round; });
    if (interrupt.raised()) break;
    std::vector<Trial> round, left_out;
    std::partition_copy(begin, end, std::back_inserter(round), std::back_inserter(left_out),
                        steering.admits);
    begin = end;
    if (round.empty()) progress.round_left_out(experiment, left_out);
    if (round.empty()) continue;
    runner.await_hosts(round);
    if (interrupt.raised()) break;
    runner.switch_variant(round);
    if (!std::exchange(is_first, false)) {
      runner.prepare(round);
      runner.cool_down();
    }
    if (interrupt.raised()) break;
    runner.run(round);
  }
  variants.to(nullptr);
}

}  // namespace pingperf
