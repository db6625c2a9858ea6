// Rank tests: how far two sets of measurements are apart, whatever their distribution.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace pingperf {

// Of a whole family of statements at most this share is wrong.
inline constexpr double kLevel = 0.05;

// What a set of differences, or two samples, say of the shift between them.
struct ShiftEstimate {
  double center = 0;              // Hodges–Lehmann
  std::optional<double> ci_low;   // at 1 - level, by inverting the test; empty where even the
  std::optional<double> ci_high;  // widest interval covers less: six pairs are needed for 95 %
  double p_value = 1;             // of no shift, two-sided
  double stddev = 0;              // of a difference, or within the samples
  double least = 0;               // of single differences, the extremes
  double most = 0;
  double weight = 0;  // what stddev² is divided by for the variance of the shift: n, or nm/(n+m)
};

// Of at least one paired difference: the median of all Walsh averages, with the Wilcoxon
// signed-rank test, exact to 50 pairs, ties included, then normal with the correction for ties.
// Sources: Hodges & Lehmann 1963; Hollander, Wolfe & Chicken, Nonparametric Statistical Methods,
// §3.1–3.3.
ShiftEstimate estimate_paired(const std::vector<double>& differences, double level = kLevel);

// How much larger `after` is than `before`, neither of them empty: the median of all differences
// between them, with the Mann–Whitney test, exact to 50 values in all, ties included, then normal
// with the correction for ties. Sources: Hollander, Wolfe & Chicken, §4.1–4.3.
ShiftEstimate estimate_shift(const std::vector<double>& before, const std::vector<double>& after,
                             double level = kLevel);

// Benjamini–Hochberg (1995) q values of a family of p values, in the same order.
std::vector<double> q_values(const std::vector<double>& p_values);

// The shift that is found with 95 % power by an estimate of such stddev and weight, whose interval
// must exclude no shift and which itself must be beyond `least`; by the normal approximation.
double detectable_shift(double stddev, double weight, double least = 0, double level = kLevel);
// The weight with which the interval of a given shift excludes none, with 95 % power.
double weight_to_detect(double stddev, double shift, double level = kLevel);

// The fewest pairs that have an interval at 1 - level, and the fewest values whose median has one.
std::size_t fewest_pairs(double level);

}  // namespace pingperf
