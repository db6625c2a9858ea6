// The headline of a report: the result of the run in sentences.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/report/reported_run.h"

namespace pingperf {

// One sentence. Its rating is good for a run that is better than its base and for a kept bound, bad
// for the opposite, open if the data do not decide, and plain for all else. Cases that one run
// compares are up or down, because a slower case is a finding and no regression.
struct Statement {
  enum class Rating { good, bad, up, down, open, plain };

  Rating rating = Rating::plain;
  std::string text;
  std::string detail = {};  // a short line below it, or empty
};

std::string_view name(Statement::Rating rating);

// Returns sentences about the gates, the comparisons, the figures and the trials, in this order. A
// few comparisons are one sentence each. Many are one sentence per metric and verdict.
std::vector<Statement> headline(const ReportedRun& run);

// Returns sentences about serious findings of the doctor, and about warnings that several trials
// share. `environments` has the environment.json of each run, or null.
std::vector<Statement> warning_statements(const std::vector<ReportedRun>& runs,
                                          const std::vector<Json>& environments);

// Returns the changes from the run `base` to the run `new_run`.
std::vector<Statement> headline(const RunComparison& change, const std::string& base,
                                const std::string& new_run);

}  // namespace pingperf
