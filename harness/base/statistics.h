// Statistics of the values of one case: the estimators of summary.csv.
#pragma once

#include <optional>
#include <utility>
#include <vector>

namespace pingperf {

// Both require at least one value.
double median(std::vector<double> values);
double mean(const std::vector<double>& values);

// Returns the standard deviation of the sample (n-1), computed in two passes. Returns nothing for
// n < 2.
std::optional<double> standard_deviation(const std::vector<double>& values);

// Returns the variance within the samples: the squared deviations of all values from the means of
// their samples, divided by the degrees of freedom. Returns 0 without degrees of freedom.
double pooled_variance(const std::vector<std::vector<double>>& samples);

// Returns a distribution-free interval of the median that covers at least 1 - level. Its limits are
// two symmetric order statistics, chosen by the binomial distribution (Conover, Practical
// Nonparametric Statistics, §3.2). Returns nothing if no two order statistics cover that much: 95 %
// requires six values.
std::optional<std::pair<double, double>> median_interval(std::vector<double> values,
                                                         double level = 0.05);

// Two groups of values of one case, whose common median means little. Latency has two groups when a
// scheduler sometimes wakes a halted CPU and sometimes does not.
struct Modes {
  std::size_t low_count, high_count;
  double low, high;  // the groups' medians
};

// Returns the two groups on either side of the widest gap between values (as logarithms) that
// leaves at least two values and a fifth of all on each side. Returns nothing unless that gap is
// nine times as wide as most gaps are, and the medians of the groups differ by a factor of at
// least 1.5. So neither an outlier nor a third group hides two groups. Requires values above 0.
std::optional<Modes> find_modes(std::vector<double> values);

}  // namespace pingperf
