// Counter rates: the changes of a counter in compared trials, per second or per unit of payload.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/results/counter_table.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/run_medians.h"

namespace pingperf {

// The trials of a run, and its counters.
struct CountedTrials {
  const TrialTable* trials;      // never null
  const CounterTable* counters;  // never null
};

// Ok trials of a case in one run.
struct CaseTrials {
  CountedTrials run;
  std::string name;
  std::vector<std::uint64_t> blocks;
};

// The trials of one side, run by run. `references` has the trials of the same blocks by which the
// rates are divided; it is empty without a reference.
struct ComparedSide {
  std::vector<CaseTrials> cases;
  std::vector<CaseTrials> references;
};

// The test that compares the sides: of the pairs of one run, of the trials of two sessions, or of
// the medians of several runs.
enum class Design { pairs, sessions, runs };

struct ComparedTrials {
  Design design = Design::pairs;
  ComparedSide base, changed;

  // Returns those of both sides, with the references.
  std::vector<const CaseTrials*> all() const;
};

// Returns the ok trials of two cases of a run in the blocks that have both.
ComparedTrials paired_trials(const CountedTrials& run, const std::string& candidate,
                             const std::string& baseline);

// Adds the ok trials of a case to a side. With a reference, only those in blocks with an ok trial
// of the reference.
void add_case(ComparedSide& side, const CountedTrials& run, const std::string& name,
              const std::string& reference);

// The changes of one counter in all trials of a side.
struct SideChanges {
  RunValues cases, references;
};
SideChanges changes_of(const ComparedSide& side, const CounterId& counter);

// The time or the payload of each trial, by which the changes are divided.
struct Scaling {
  std::string unit;  // "second", "byte" or "round trip"; "trial" if the trials have no length
  SideChanges base, changed;
};
Scaling scaling_by_time(const ComparedTrials& trials);
// Returns nothing if a trial has no payload.
std::optional<Scaling> scaling_by_payload(const ComparedTrials& trials);

// Returns the logarithms of the rates, minus those of the reference. For ranks, all changes of 0
// are equal. Student's t requires finite values, so for Design::runs each change is larger by 1.
RunValues log_rates(const SideChanges& changes, const SideChanges& amounts, Design design);

}  // namespace pingperf
