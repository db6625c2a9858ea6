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
  std::string message;  // of a test that did not pass
  double time_s = 0;
};

// Returns the document. Cases of one suite stand together.
std::string junit_xml(const std::string& name, const std::vector<JUnitCase>& cases);

// Suite "trials": a test a case of the experiment, failed when one of its trials was not ok,
// skipped when it has none. Suite "gates": a test a case of each gate, skipped when it is undecided
// and that does not fail the run.
std::vector<JUnitCase> junit_of_run(const Experiment& experiment, const TrialTable& trials,
                                    const std::vector<Verdict>& gates);

// A test a case and metric: failed where `fails` says so, skipped when inconclusive or left out.
std::vector<JUnitCase> junit_of(const RunComparison& comparison, const std::string& fail_on);

}  // namespace pingperf
