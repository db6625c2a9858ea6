// Compares libiperf with each bulk engine of pingperf, as benchmarks for Google Benchmark's
// compare.py:
//   iperf3_vs_sockets --benchmark_out=run.json --benchmark_out_format=json
//   compare.py filters run.json tcp/iperf3 tcp/blocking
// A repetition is a trial by agents and workers. Each case has ten, in random order. The time is
// that of a gigabyte at the receiver's goodput.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/local_trials.h"
#include "harness/engines/engines.h"
#include "harness/results/columns.h"

namespace pingperf {
namespace {

constexpr double kGigabyte = 1e9;

// libiperf counts whole seconds, so the sum of warmup and duration is one second.
constexpr const char* kExperiment = R"(
name: iperf3-vs-sockets
defaults: {kind: throughput, duration: 800ms, warmup: 200ms}
workloads:
  tcp: {transport: tcp, message_size: 128KiB, matrix: {engine: [iperf3, blocking, epoll, io_uring, splice]}}
  udp: {transport: udp, message_size: 1400, receive_buffer: 4MiB, matrix: {engine: [iperf3, blocking]}}
  udp-bursts: {transport: udp, message_size: 1400, receive_buffer: 4MiB, engine: blocking, gso: true, gro: true}
)";

double value_of(const TrialRecord& record, std::string_view metric) {
  return find_metric(metric)->value(record).value_or(0);
}

void run_case(benchmark::State& state, LocalTrials& trials, std::size_t index) try {
  double cpu_s_per_gb = 0;
  for (auto _ : state) {
    const TrialRecord record = trials.run(index);
    const double bps = value_of(record, "throughput_bps");
    if (bps <= 0) throw std::runtime_error("the receiver got no data");
    state.SetIterationTime(8 * kGigabyte / bps);
    cpu_s_per_gb = value_of(record, "cpu_s_per_gb");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kGigabyte));
  state.counters["cpu_s_per_gb"] = cpu_s_per_gb;
} catch (const std::exception& e) {
  state.SkipWithError(e.what());
}

// "tcp/iperf3"
std::string benchmark_name(const Case& c) {
  return fmt::format("{}/{}", c.workload, c.options->engine);
}

void register_cases(LocalTrials& trials) {
  for (std::size_t index = 0; index < trials.cases().size(); ++index) {
    const Case& c = trials.cases()[index];
    if (const auto why = c.engine->unavailable()) {
      fmt::print(stderr, "{}: omitted: {}\n", benchmark_name(c), *why);
      continue;
    }
    benchmark::RegisterBenchmark(
        benchmark_name(c).c_str(),
        [&trials, index](benchmark::State& s) { run_case(s, trials, index); })
        ->UseManualTime()
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace pingperf

int main(int argc, char** argv) {
  std::string interleaved = "--benchmark_enable_random_interleaving=true";
  std::string repeated = "--benchmark_repetitions=10";
  std::vector<char*> arguments{argv[0], interleaved.data(), repeated.data()};
  arguments.insert(arguments.end(), argv + 1, argv + argc);  // the user's arguments override ours
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  try {
    pingperf::LocalTrials trials(pingperf::kExperiment, PINGPERF_BINARY);
    pingperf::register_cases(trials);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& e) {
    fmt::print(stderr, "iperf3_vs_sockets: {}\n", e.what());
    return 1;
  }
}
