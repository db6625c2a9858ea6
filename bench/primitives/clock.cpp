// The cost of reading the time.
#include "sockets/core/clock.h"

#include <benchmark/benchmark.h>

namespace pingperf {
namespace {

void clock_monotonic(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(now_ns());
}
BENCHMARK(clock_monotonic);

void clock_chosen(benchmark::State& state) {
  calibrate_clock();
  for (auto _ : state) benchmark::DoNotOptimize(fast_now_ns());
  state.SetLabel(std::string(fast_clock.name()));
}
BENCHMARK(clock_chosen);

}  // namespace
}  // namespace pingperf
