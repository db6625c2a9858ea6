// Statistics of one case's values: the estimators of summary.csv.
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

// A distribution-free interval of the median that covers at least 1 - level: two order statistics,
// symmetric, chosen by the binomial distribution (Conover, Practical Nonparametric Statistics,
// §3.2). Empty where no two order statistics cover as much: for 95 % six are needed.
std::optional<std::pair<double, double>> median_interval(std::vector<double> values,
                                                         double level = 0.05);

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

}  // namespace pingperf
