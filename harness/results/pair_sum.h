// The sum of the pairs of an incast or broadcast: the row that summary, gates and comparisons take
// for the whole trial.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "harness/results/metrics.h"
#include "harness/results/record.h"

namespace pingperf {

// Returns the record of `trial`, a trial of the sum's case. `parts` are the records of its pairs,
// which must outlive it, and `pairs` is how many there should be. It is ok if all of them are, and
// interrupted if one of them is.
TrialRecord sum_of_pairs(const Trial& trial, const Case& c,
                         std::span<const TrialRecord* const> parts, std::size_t pairs);

// Returns a metric of a sum: the total of rates and counts, the worst of the round trips and other
// delays, Jain's index over the pairs, and the loss of all. Nothing for the other metrics, or if a
// pair lacks it. `value` returns the metric of one pair.
std::optional<double> metric_of_sum(
    std::string_view metric, const TrialRecord& sum,
    const std::function<std::optional<double>(const TrialRecord&)>& value);

}  // namespace pingperf
