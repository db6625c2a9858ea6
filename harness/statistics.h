// Statistics of few numbers: the estimators of summary.csv and comparisons.csv.
#pragma once

#include <optional>
#include <utility>
#include <vector>

namespace pingperf {

// Of at least one number.
double median(std::vector<double> values);
double mean(const std::vector<double>& values);

// Of the sample, n-1, in two passes; empty for n < 2.
std::optional<double> standard_deviation(const std::vector<double>& values);

// A distribution-free interval of the median with at least 95 % coverage: two order statistics,
// symmetric, chosen by the binomial distribution (Conover, Practical Nonparametric Statistics,
// §3.2). Empty for n < 6, where no two order statistics reach 95 %.
std::optional<std::pair<double, double>> median_interval(std::vector<double> values);

// Values of one case that fall into two groups, as latency does when a scheduler sometimes wakes a
// halted CPU and sometimes does not: their median says little.
struct Modes {
  std::size_t low_count, high_count;
  double low, high;  // the groups' medians
};

// The two groups on either side of the widest gap (of logarithms), when each has at least two
// values and a fifth of all, the gap is 1.5 times as wide as either group, and the medians are at
// least 1.5 apart. Of values above 0.
std::optional<Modes> find_modes(std::vector<double> values);

// What paired differences say of their centre.
struct PairedEstimate {
  double center = 0;  // Hodges–Lehmann: the median of all Walsh averages
  std::optional<double> ci_low,
      ci_high;         // 95 %, by inverting the signed-rank test; empty for n < 6
  double p_value = 1;  // Wilcoxon signed-rank, two-sided: exact to n = 50, ties included
  double stddev = 0;   // of the differences; 0 for n = 1
};

// Of at least one difference. Sources: Hodges & Lehmann 1963; Hollander, Wolfe & Chicken,
// Nonparametric Statistical Methods, §3.1-3.3. Past n = 50 the normal approximation, with the
// correction for ties.
PairedEstimate estimate_paired(const std::vector<double>& differences);

// Benjamini–Hochberg (1995) q values of a family of p values, in the same order.
std::vector<double> q_values(const std::vector<double>& p_values);

// The shift that n pairs of this standard deviation find with 95 % power at a 5 % level, two-sided,
// by the normal approximation; and how many pairs find a given shift.
double detectable_shift(double stddev, std::size_t n);
std::size_t pairs_to_detect(double stddev, double shift);

}  // namespace pingperf
