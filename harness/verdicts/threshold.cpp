#include "harness/verdicts/threshold.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

namespace pingperf {
namespace {

// A property of the response's form, with its prior weight.
struct Prior {
  double value;
  double weight;
};

// Width of the drop, in units of the precision: from a step to a drop over a factor of two.
constexpr Prior kWidths[] = {{0.06, 1}, {0.25, 1}, {1, 1}, {4, 1}, {16, 1.5}};
// Share of the trials far below the threshold that fail.
constexpr Prior kSpikes[] = {{0.005, 4}, {0.05, 1}, {0.2, 0.25}};
// Share of the trials far above the threshold that keep the condition.
constexpr Prior kChances[] = {{0.005, 4}, {0.05, 0.25}};
constexpr std::size_t kForms = std::size(kWidths) * std::size(kSpikes) * std::size(kChances);

constexpr double kOutside = 0.03;  // prior probability of each side
// Trials away from the median show how steeply the response drops.
constexpr double kTriedQuantiles[] = {0.5, 0.3, 0.7};

// Returns the value with five significant digits, for people.
double with_five_digits(double value) {
  const double unit = std::pow(10, std::floor(std::log10(value)) - 4);
  return std::round(value / unit) * unit;
}

}  // namespace

ThresholdEstimate::ThresholdEstimate(double from, double to, double precision)
    : from_(from), to_(to) {
  const double length = std::log(to / from);
  const auto cells = static_cast<std::size_t>(std::max(16.0, std::ceil(length / (precision / 4))));
  cell_ = length / static_cast<double>(cells);
  for (const Prior& width : kWidths) widths_.push_back(width.value * precision);
  marginal_.resize(cells + 2);
  weights_.reserve(marginal_.size() * kForms);
  for (std::size_t cell = 0; cell < marginal_.size(); ++cell) {
    const bool is_outside = cell == 0 || cell == cells + 1;
    const double weight = is_outside ? kOutside : (1 - 2 * kOutside) / static_cast<double>(cells);
    for (const Prior& width : kWidths)
      for (const Prior& spike : kSpikes)
        for (const Prior& chance : kChances)
          weights_.push_back(weight * width.weight * spike.weight * chance.weight);
  }
  normalise();
}

double ThresholdEstimate::center_of(std::size_t cell) const {
  if (cell == 0) return -std::numeric_limits<double>::infinity();
  if (cell == marginal_.size() - 1) return std::numeric_limits<double>::infinity();
  return std::log(from_) + (static_cast<double>(cell) - 0.5) * cell_;
}

void ThresholdEstimate::add(double value, bool kept) {
  ++trials_;
  auto weight = weights_.begin();
  for (std::size_t cell = 0; cell < marginal_.size(); ++cell)
    for (const double width : widths_) {
      const double drop = 1 / (1 + std::exp((std::log(value) - center_of(cell)) / width));
      for (const Prior& spike : kSpikes)
        for (const Prior& chance : kChances) {
          const double keeps = chance.value + (1 - chance.value - spike.value) * drop;
          *weight++ *= kept ? keeps : 1 - keeps;
        }
    }
  normalise();
}

void ThresholdEstimate::normalise() {
  const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (double& weight : weights_) weight /= sum;
  auto weight = weights_.begin();
  for (double& probability : marginal_) {
    probability = std::accumulate(weight, weight + kForms, 0.0);
    weight += kForms;
  }
}

double ThresholdEstimate::quantile(double probability) const {
  double left = probability - below();
  if (left <= 0) return 0;
  for (std::size_t cell = 1; cell + 1 < marginal_.size(); ++cell) {
    if (left <= marginal_[cell])
      return std::exp(center_of(cell) + (left / marginal_[cell] - 0.5) * cell_);
    left -= marginal_[cell];
  }
  return std::numeric_limits<double>::infinity();
}

double ThresholdEstimate::next() const {
  const double wanted = quantile(kTriedQuantiles[trials_ % std::size(kTriedQuantiles)]);
  if (wanted <= from_) return from_;
  return wanted >= to_ ? to_ : std::clamp(with_five_digits(wanted), from_, to_);
}

}  // namespace pingperf
