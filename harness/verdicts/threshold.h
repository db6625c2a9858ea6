// Threshold: up to which value a condition is kept, estimated from trials that can fail by chance.
//
// The method is probabilistic bisection: each trial updates a distribution of the threshold, and
// the next trial is near its median (Horstein 1963; Waeber, Frazier & Henderson, Bisection Search
// with Noisy Responses, SIAM J. Control Optim. 51, 2013). The noise is not known beforehand, so the
// distribution also covers the form of the response, as in the Ψ method (Kontsevich & Tyler,
// Vision Research 39, 1999): how steeply it drops, and how many trials far from the threshold have
// the wrong outcome by chance. docs/statistics.md has its calibration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pingperf {

// The probability that a trial at value x keeps the condition is modelled as
//   chance + (1 - chance - spike) / (1 + exp((log x - log threshold) / width)).
// Values are positive, and distances are those of their logarithms.
class ThresholdEstimate {
 public:
  // Looks between the two values. `precision` decides the resolution.
  ThresholdEstimate(double from, double to, double precision);

  // Adds the outcome of a trial. The order of the trials does not matter.
  void add(double value, bool kept);

  // Returns the value below which the threshold is with this probability. Returns 0 if that is
  // below the lowest value, and infinity if it is above the highest.
  double quantile(double probability) const;
  // Return the probability that the threshold is below the lowest or above the highest value.
  double below() const { return marginal_.front(); }
  double above() const { return marginal_.back(); }

  // Returns the value that the next trial should have.
  double next() const;

 private:
  void normalise();
  double center_of(std::size_t cell) const;

  double from_, to_;
  double cell_;                   // width of a cell of the logarithm
  std::vector<double> widths_;    // of the response
  std::vector<double> weights_;   // by cell, then form; the first and last cell are outside
  std::vector<double> marginal_;  // probability of each cell
  std::uint64_t trials_ = 0;
};

}  // namespace pingperf
