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
  choose_stop_clock();
  for (auto _ : state) benchmark::DoNotOptimize(stop_clock_ns());
  state.SetLabel(std::string(stop_clock.name()));
}
BENCHMARK(clock_chosen);

}  // namespace
}  // namespace pingperf
