// JUnit XML: results as tests, for CI systems.
#pragma once

#include <string>
#include <vector>

#include "harness/results/summary.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {

struct JUnitCase {
  enum class Outcome { passed, failed, skipped };

  std::string suite;
  std::string name;
  Outcome outcome = Outcome::passed;
  std::string message;  // empty if the test passed
  double time_s = 0;
};

// Returns the document. Groups the cases by suite.
std::string junit_xml(const std::string& name, const std::vector<JUnitCase>& cases);

// Returns two suites. "trials" has one test per case of the experiment. The test fails if one of
// its trials was not ok, and is skipped if it has no trials. "gates" has one test per case of each
// gate. The test is skipped if the gate is undecided and this does not fail the run.
std::vector<JUnitCase> junit_of_run(const Experiment& experiment, const TrialTable& trials,
                                    const std::vector<Verdict>& gates);

// Returns one test per case and metric. `fail_on` decides whether an inconclusive test fails or is
// skipped.
std::vector<JUnitCase> junit_of(const RunComparison& comparison, const std::string& fail_on);

}  // namespace pingperf
