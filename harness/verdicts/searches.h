// Searches: the highest value of a parameter that keeps a condition, from the rows of trials.csv.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/criteria.h"
#include "harness/verdicts/threshold.h"

namespace pingperf {

// Why a search has ended. no_evidence: several trials in a row failed or lacked a metric.
enum class SearchEnd { unfinished, precision, trials, from_not_kept, to_kept, no_evidence };

std::string_view name(SearchEnd end);

// One trial of a search.
struct TriedValue {
  std::uint64_t block = 0;
  double value = 0;
  std::vector<std::optional<double>> metrics;  // one per condition
  std::optional<bool> kept;                    // empty: the trial is no evidence
  std::string note;                            // why it is none, or why it counts as not kept
};

// The result of a search. The interval has a probability of 95 %.
struct SearchResult {
  std::string run, case_name, workload;
  Search search;
  std::vector<Condition> keep;
  std::optional<double> estimate, low, high;  // low or high is empty if it is outside from..to
  SearchEnd end = SearchEnd::unfinished;
  std::string explanation;  // of the end
  std::vector<TriedValue> tried;

  std::size_t count(std::optional<bool> kept) const;
};

// The state of one search. It depends only on the trials and their order, so that a resumed run
// goes on where it stopped.
class SearchState {
 public:
  SearchState(const Case& searched, std::vector<Condition> keep);

  // Adds a trial of the case.
  void add(const TrialTable& trials, const TrialTable::Row& row);
  // Returns the value that the next trial tries, or nothing if the search has ended.
  std::optional<double> next() const;
  SearchResult result() const;

 private:
  TriedValue tried_in(const TrialTable& trials, const TrialTable::Row& row) const;
  std::string shortfall(const TrialTable& trials, const TrialTable::Row& row, double value) const;
  bool is_precise() const;
  SearchEnd end_now() const;
  std::string explanation() const;
  std::string reason() const;  // of the end

  SearchResult result_;
  Options options_;
  ThresholdEstimate threshold_;
  std::uint64_t without_evidence_ = 0;  // trials in a row
};

// All searches of a run.
class Searches {
 public:
  // Adds the trials so far.
  Searches(const std::vector<Case>& cases, const Criteria& criteria, const TrialTable& trials);

  // Adds trials. Leaves out interrupted ones and those of other cases.
  void add(const TrialTable& trials);
  // Returns the value of the case's next trial, or nothing if its search has ended.
  std::optional<double> next(const std::string& case_name) const;
  // Returns the results of the searches that have trials, in the order of the cases.
  std::vector<SearchResult> results() const;

 private:
  std::vector<std::string> names_;
  std::map<std::string, SearchState, std::less<>> states_;
};

// Returns "loss_ratio <= 0.001 and rtt_p99_ns <= 1000000".
std::string condition_text(const std::vector<Condition>& keep);

// Returns the text of searches.csv.
std::string searches_csv(const std::vector<SearchResult>& results);
std::string search_columns_markdown();

}  // namespace pingperf
