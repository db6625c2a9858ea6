// The headline of a report: the result of the run in sentences.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/report/reported_run.h"

namespace pingperf {

// One sentence. good and bad: what is better or worse than its baseline, or keeps a bound or not;
// open: what the data do not decide.
struct Statement {
  enum class Rating { good, bad, open, plain };

  Rating rating = Rating::plain;
  std::string text;
};

std::string_view name(Statement::Rating rating);

// Gates first, then comparisons, then the figures, then what became of the trials. Few comparisons
// are a sentence each; of many, those of one metric and verdict are one.
std::vector<Statement> headline(const ReportedRun& run);

// Returns the changes from the run `base` to the run `new_run`.
std::vector<Statement> headline(const RunComparison& change, const std::string& base,
                                const std::string& new_run);

}  // namespace pingperf
