// Reads runs of calibration.yaml and prints how often verdicts were right: Markdown tables for
// docs/statistics.md.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>

#include "bench/calibration/families.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/rank_tests.h"

namespace {

using namespace pingperf;

std::string share(std::size_t part, std::size_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.1f} % ({}/{})",
                                  100 * static_cast<double>(part) / static_cast<double>(whole),
                                  part, whole);
}

void print_row(const std::string& what, const char* rule, const Calibration& c) {
  fmt::print("| {} | {:.3f} | {:.3f} | {} | {:.0f} | {} | {} |\n", what, c.ratio, c.stddev, rule,
             c.blocks, share(c.found, c.families), share(c.found_by_means, c.families));
}

void print_table(const TrialTable& trials) {
  const Until until{{}, 0.03, true, 80};
  fmt::print(
      "| | ratio | sd of log ratios | stopping | blocks | found | by means ± 10 % |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const auto& [workload, metric] :
       {std::pair<std::string, std::string>{"bulk", "throughput_bps"}, {"pingpong", "rtt_p50_ns"}})
    for (const std::string engine : {"twin", "slowed_10", "slowed_25"}) {
      const CasePair pair{workload + "/engine=" + engine, workload + "/engine=even"};
      if (trials.rows_of(pair.candidate).empty()) continue;
      const std::string what = fmt::format("{}, {}", metric, engine);
      print_row(what, "10 repetitions", calibrate(trials, metric, pair, 10));
      print_row(what, "20 repetitions", calibrate(trials, metric, pair, 20));
      print_row(what, "until ±3 %, at most 80", calibrate(trials, metric, pair, 10, until));
    }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    for (int i = 1; i < argc; ++i) {
      fmt::print("\n{}:\n\n", argv[i]);
      print_table(TrialTable::read(std::filesystem::path(argv[i]) / "trials.csv"));
    }
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
