// Change points: where the level of a series of run medians changes. Pure and seeded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pingperf {

// The defaults of pingperf trend. tests/verdicts/change_points_test.cpp and docs/statistics.md have
// the error rates.
struct ChangeSearch {
  double level = 0.02;              // of each change: the probability that it is by chance
  std::size_t permutations = 9999;  // at most, so that the smallest p is 1 / 10000
  std::uint64_t seed = 1;
};

// The fewest values on each side that a permutation test can judge. A part with fewer is judged by
// normal values instead.
inline constexpr std::size_t kMinPermutedPart = 5;

// A change between the values [begin, first) and [first, end). These ranges end at the neighbouring
// changes.
struct ChangePoint {
  std::size_t begin = 0, first = 0, end = 0;
  double p_value = 1;
};

struct ChangePoints {
  std::vector<ChangePoint> changes;  // in order
  double p_value = 1;                // that the whole series has no change
};

// Finds the changes of the mean by E-divisive (Matteson & James, JASA 109, 2014) with the exponent
// 2, for which the energy statistic of a place is a multiple of the squared difference of the means
// of both parts. The candidate is the place with the largest statistic. Its p value is the share of
// permutations of the values whose largest statistic is as large. If a part has fewer than
// kMinPermutedPart values, there are too few permutations, and p is the share of series of normal
// values instead. A test ends early when p cannot be small (Besag & Clifford, Biometrika 78, 1991).
//
// A place is a candidate only if more than two thirds of the values of its shorter part are beyond
// the median of the longer part. So two outliers among three values are no change.
//
// Each part is searched in turn. Then each change is located and tested again between its
// neighbours, and the least significant one is removed, until all have p <= level.
ChangePoints find_change_points(std::span<const double> values, const ChangeSearch& search);

// Locates and tests the changes again between their neighbours, as find_change_points() does at its
// end. For callers that have removed some of them.
void test_changes_again(std::span<const double> values, const ChangeSearch& search,
                        std::vector<ChangePoint>& changes);

}  // namespace pingperf
