// The cost of a run's files and messages: rows, lines, reading of the table, summary.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "bench/sample_run.h"
#include "harness/agent/protocol.h"
#include "harness/results/columns.h"
#include "harness/results/summary.h"

namespace pingperf {
namespace {

void csv_row_of_a_trial(benchmark::State& state) {
  const SampleTrial sample;
  std::size_t bytes = 0;
  for (auto _ : state) bytes += trial_row(sample.record).size();
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(csv_row_of_a_trial);

// An interval, as an agent reports it during a trial.
void json_line_of_an_interval(benchmark::State& state) {
  Interval interval{.start_s = 0.1, .end_s = 0.2};
  interval.bytes_received = 283'115'520;
  interval.messages = 2160;
  const Event event = Progress{.endpoint = 1, .interval = interval};
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string line = encode(event);
    benchmark::DoNotOptimize(decode_event(line));
    bytes += line.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(json_line_of_an_interval);

// The result of a latency trial, with its histogram.
void json_line_of_a_result(benchmark::State& state) {
  const SampleTrial sample;
  const Event event = Result{.endpoint = 1, .measurement = sample.record.client};
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string line = encode(event);
    benchmark::DoNotOptimize(decode_event(line));
    bytes += line.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(json_line_of_a_result);

void read_trials(benchmark::State& state) {
  const SampleFile file(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(TrialTable::read(file.path()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(file.size()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_trials)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void summary(benchmark::State& state) {
  const SampleFile file(static_cast<std::size_t>(state.range(0)));
  const TrialTable trials = TrialTable::read(file.path());
  for (auto _ : state) benchmark::DoNotOptimize(summary_csv(summarize(trials)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(summary)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pingperf
