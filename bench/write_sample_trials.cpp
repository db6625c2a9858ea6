// Writes the trials.csv of a generated run, for bench/harness_overhead.
// Usage: write_sample_trials FILE TRIALS SEED
#include <fmt/core.h>

#include "bench/sample_run.h"
#include "harness/base/units.h"

int main(int argc, char** argv) {
  const auto trials = argc == 4 ? pingperf::parse_count(argv[2]) : std::nullopt;
  const auto seed = argc == 4 ? pingperf::parse_count(argv[3]) : std::nullopt;
  if (!trials || !seed) {
    fmt::print(stderr, "Usage: write_sample_trials FILE TRIALS SEED\n");
    return 2;
  }
  try {
    pingperf::write_sample_trials(argv[1], *trials, *seed);
  } catch (const std::exception& e) {
    fmt::print(stderr, "write_sample_trials: {}\n", e.what());
    return 1;
  }
}
