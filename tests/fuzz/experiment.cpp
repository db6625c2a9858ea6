// Fuzzes the parser of experiment files. Any bytes give an experiment that can be planned, or a
// one-line error.
#include "harness/agent/launchers.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/plan.h"
#include "harness/verdicts/criteria_reader.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

constexpr std::size_t kMaxTrials = 10'000;  // more are only slower to plan

void plan(const Experiment& experiment) {
  require(!experiment.cases.empty(), "an experiment has cases");
  launchers_of(experiment);
  const std::size_t wanted = experiment.cases.size() * experiment.plan.repetitions;
  if (wanted > kMaxTrials) return;
  require(plan_trials(experiment).size() == wanted, "every case is in every block");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = text_of(data, size);
  // Skipped, because libiperf parses these options itself, slowly, in a child process.
  if (text.find("iperf3_options") != std::string::npos) return -1;
  try {
    const Experiment experiment = parse_experiment(text, "fuzz.yaml");
    read_criteria(experiment);
    plan(experiment);
  } catch (const UsageError& e) {
    require_lines(e.what());
  }
  return 0;
}
