// The cost of an experiment before its first trial.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/plan.h"

namespace pingperf {
namespace {

constexpr int kCases = 1000;

// Returns an experiment of 1000 cases and 100 repetitions.
std::string large_experiment() {
  std::string frequencies;
  for (int i = 1; i <= kCases / 2; ++i) frequencies += fmt::format("{}{}", i > 1 ? ", " : "", i);
  return fmt::format(R"(
name: large
plan: {{repetitions: 100}}
workloads:
  ping:
    kind: latency
    message_size: 64
    duration: 1s
    pin: {{client: 0, server: 0}}
    matrix: {{engine: [blocking, epoll], frequency: [{}]}}
)",
                     frequencies);
}

void yaml_of_1000_cases(benchmark::State& state) {
  const std::string text = large_experiment();
  for (auto _ : state) benchmark::DoNotOptimize(parse_experiment(text, "large.yaml"));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.SetItemsProcessed(state.iterations() * kCases);
}
BENCHMARK(yaml_of_1000_cases)->Unit(benchmark::kMillisecond);

void plan_of_100000_trials(benchmark::State& state) {
  const Experiment experiment = parse_experiment(large_experiment(), "large.yaml");
  for (auto _ : state) benchmark::DoNotOptimize(plan_trials(experiment));
  state.SetItemsProcessed(state.iterations() * 100 * kCases);
}
BENCHMARK(plan_of_100000_trials)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pingperf
