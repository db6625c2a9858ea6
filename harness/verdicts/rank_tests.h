// Rank tests: how far two sets of measurements are apart, whatever their distribution.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace pingperf {

// Of a whole family of statements at most this share is wrong.
inline constexpr double kLevel = 0.05;

// The shift between two sets of values.
struct ShiftEstimate {
  double center = 0;                // Hodges–Lehmann
  std::optional<double> ci_low;     // at 1 - level, by inverting the test; empty where even the
  std::optional<double> ci_high;    // widest interval covers less: six pairs are needed for 95 %
  std::optional<double> same_low;   // at 1 - 2 level: the two one-sided tests of equivalence at
  std::optional<double> same_high;  // `level` each (Schuirmann 1987)
  double p_value = 1;               // of no shift, two-sided
  double stddev = 0;                // of a difference, or within the samples; of finite values
  double least = 0;                 // of single differences, the extremes
  double most = 0;
};

// The logarithm of 0, as a number below all logarithms of figures: a rank like any other.
inline constexpr double kLogOfZero = -1e9;
// Returns the logarithm of a value that is at least 0.
double log_of(double value);
// Returns those values that are not made from the logarithm of 0.
std::vector<double> finite_values(std::vector<double> values);
// Returns the ratio of a shift of logarithms: 0 or infinity if one of the values is 0.
double ratio_of(double shift);

// Sets `least` and `most` to the extremes of the differences between values of the two sides.
void set_extremes(ShiftEstimate& estimate, const std::vector<double>& before,
                  const std::vector<double>& after);

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

// Returns the shift, in standard deviations of a difference, that `n` pairs find with 95 % power:
// the interval at 1 - level excludes no shift. Returns nothing if not even a shift without noise is
// found. Of normal differences, by simulation with a fixed seed; 50 and more by their asymptotic
// variance.
std::optional<double> detectable_by_pairs(std::size_t n, double level);
// The same of two samples, in standard deviations within the samples.
std::optional<double> detectable_by_samples(std::size_t n, std::size_t m, double level);

// Returns how many pairs find a shift of so many standard deviations with 95 % power, by their
// asymptotic variance. Two samples of twice as many values find the same.
double pairs_to_detect(double shift, double level);

// Returns the fewest pairs that have an interval at 1 - level, which is also the fewest values
// whose median has one.
std::size_t fewest_pairs(double level);

}  // namespace pingperf
