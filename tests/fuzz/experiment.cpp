// The experiment file: any bytes are an experiment that can be planned, or one line of error.
#include "harness/agent/launchers.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/plan.h"
#include "harness/verdicts/criteria_reader.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

constexpr std::size_t kMaxToPlan = 10'000;  // trials: beyond, planning is only slow

void plan(const Experiment& experiment) {
  require(!experiment.cases.empty(), "an experiment has cases");
  launchers_of(experiment);
  const std::size_t wanted = experiment.cases.size() * experiment.plan.repetitions;
  if (wanted > kMaxToPlan) return;
  require(plan_trials(experiment).size() == wanted, "every case is in every block");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = text_of(data, size);
  // Those are libiperf's own parser's, in a child process: slow, and it is not ours.
  if (text.find("iperf3_options") != std::string::npos) return -1;
  try {
    const Experiment experiment = parse_experiment(text, "fuzz.yaml");
    read_criteria(experiment);
    plan(experiment);
  } catch (const UsageError& e) {
    require_one_line(e.what());
  }
  return 0;
}
