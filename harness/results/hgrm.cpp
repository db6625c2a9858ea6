#include "harness/results/hgrm.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace pingperf {
namespace {

constexpr int kTicksPerHalving = 5;

double microseconds(Nanoseconds ns) {
  return static_cast<double>(ns) / 1e3;
}

// Returns the next percentile (0 … 1) to print. The steps get finer near 1.
double next_level(double level) {
  const double halvings = std::floor(std::log2(1 / (1 - level))) + 1;
  return level + 1 / (kTicksPerHalving * std::exp2(halvings));
}

std::string line(const Histogram& h, double level) {
  const auto count = static_cast<double>(h.count());
  const Nanoseconds value = h.quantile(level);
  const auto total = static_cast<std::uint64_t>(std::max(1.0, std::ceil(level * count)));
  if (level >= 1)
    return fmt::format("{:12.3f} {:.12f} {:10d}\n", microseconds(value), 1.0, h.count());
  return fmt::format("{:12.3f} {:.12f} {:10d} {:14.2f}\n", microseconds(value), level, total,
                     1 / (1 - level));
}

}  // namespace

std::string hgrm_text(const Histogram& h) {
  std::string text = fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile",
                                 "TotalCount", "1/(1-Percentile)");
  const auto count = static_cast<double>(h.count());
  for (double level = 0; h.count() > 0 && (1 - level) * count >= 1; level = next_level(level))
    text += line(h, level);
  if (h.count() > 0) text += line(h, 1);
  text += fmt::format("#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n", h.mean() / 1e3,
                      h.stddev() / 1e3);
  text += fmt::format("#[Max     = {:12.3f}, Total count    = {:12d}]\n", microseconds(h.max()),
                      h.count());
  text += fmt::format("#[Buckets = {:12d}, SubBuckets     = {:12d}]\n",
                      Histogram::index_of(Histogram::kMaxValue) >> Histogram::kSubBits,
                      1 << Histogram::kSubBits);
  return text;
}

}  // namespace pingperf
