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

}  // namespace pingperf
