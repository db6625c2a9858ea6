// Rank tests: the shift between two sets of measurements of any distribution.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace pingperf {

// The largest share of wrong statements in a family of statements.
inline constexpr double kLevel = 0.05;

// The shift between two sets of values.
struct ShiftEstimate {
  double center = 0;  // Hodges–Lehmann
  // The interval at 1 - level, by inverting the test. Empty if even the widest interval covers
  // less: 95 % requires six pairs.
  std::optional<double> ci_low;
  std::optional<double> ci_high;
  // The interval at 1 - 2 level, for the two one-sided tests of equivalence (Schuirmann 1987).
  std::optional<double> same_low;
  std::optional<double> same_high;
  double p_value = 1;  // of no shift, two-sided
  double stddev = 0;   // of the differences, or within the samples; without kLogOfZero
  double least = 0;    // the extremes of single differences
  double most = 0;
};

// Replaces the logarithm of 0 by a number below all other logarithms, so that 0 has a rank.
inline constexpr double kLogOfZero = -1e9;
// Returns the logarithm of a value that is at least 0.
double log_of(double value);
// Returns the values that are not made from kLogOfZero.
std::vector<double> finite_values(std::vector<double> values);
// Returns the ratio of a shift of logarithms: 0 or infinity if one of the values is 0.
double ratio_of(double shift);

// Sets `least` and `most` to the extremes of the differences between values of the two sides.
void set_extremes(ShiftEstimate& estimate, const std::vector<double>& before,
                  const std::vector<double>& after);

// Estimates the shift from at least one paired difference: the median of all Walsh averages, with
// the Wilcoxon signed-rank test. The test is exact for up to 50 pairs, also with ties. For more
// pairs, it is the normal approximation with the correction for ties. Sources: Hodges & Lehmann
// 1963; Hollander, Wolfe & Chicken, Nonparametric Statistical Methods, §3.1–3.3.
ShiftEstimate estimate_paired(const std::vector<double>& differences, double level = kLevel);

// Estimates how much larger `after` is than `before`: the median of all differences between them,
// with the Mann–Whitney test. The test is exact for up to 50 values in all, also with ties. For
// more values, it is the normal approximation with the correction for ties. Neither may be empty.
// Sources: Hollander, Wolfe & Chicken, §4.1–4.3.
ShiftEstimate estimate_shift(const std::vector<double>& before, const std::vector<double>& after,
                             double level = kLevel);

// Return the p values of estimate_paired() and estimate_shift() alone, in a fraction of the time.
double paired_p_value(const std::vector<double>& differences);
double shift_p_value(const std::vector<double>& before, const std::vector<double>& after);

// Returns the q values (Benjamini & Hochberg 1995) of a family of p values, in the same order.
std::vector<double> q_values(const std::vector<double>& p_values);

// Returns the shift that `n` pairs find with 95 % power, in standard deviations of a difference. A
// shift is found if the interval at 1 - level does not contain 0. Returns nothing if `n` pairs have
// no interval. Simulates normal differences with a fixed seed. From 50 pairs on, uses their
// asymptotic variance.
std::optional<double> detectable_by_pairs(std::size_t n, double level);
// Returns the same for two samples, in standard deviations within the samples.
std::optional<double> detectable_by_samples(std::size_t n, std::size_t m, double level);

// Returns how many pairs find a shift of so many standard deviations with 95 % power, by their
// asymptotic variance. Two samples of twice as many values find the same.
double pairs_to_detect(double shift, double level);

// Returns the fewest pairs that have an interval at 1 - level, which is also the fewest values
// whose median has one.
std::size_t min_pairs(double level);

}  // namespace pingperf
