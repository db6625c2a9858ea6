// Stopping: how many blocks a run takes when its experiment leaves that to the data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/effect.h"
#include "harness/experiment.h"
#include "harness/summary.h"

namespace pingperf {

// The numbers of blocks after which the run looks at its data, ascending: `repetitions`, then twice
// as many, up to `at_most`. One alone where nothing asks for more.
std::vector<std::uint64_t> looks_of(const Experiment& experiment);

// How strictly the run's effects and gates are judged: at 5 % shared equally by its looks, so that
// whichever of them ends the run, at most 5 % of its statements are wrong (Bonferroni).
Strictness strictness_of(const Experiment& experiment);

// What is wrong with a plan in which no gate can ever be decided; nothing when they can.
std::optional<std::string> gates_objection(const Experiment& experiment);

// What speaks against ending the run with these trials, a line each: cases or pairs whose interval
// is wider than `until` wants, and gates that are to repeat. Empty: it may end.
std::vector<std::string> unsettled(const Experiment& experiment, const TrialTable& trials);

}  // namespace pingperf
