// The cost of reading the counters of a host, which an agent does before and after each trial.
#include "harness/agent/counters.h"

#include <benchmark/benchmark.h>

namespace pingperf {
namespace {

constexpr CountersRequest kEverything{.begins = true, .kernel = true, .network = true};

void counters_before_a_trial(benchmark::State& state) {
  HostCounters counters;
  for (auto _ : state) counters.begin(kEverything);
}
BENCHMARK(counters_before_a_trial);

// Both readings, the differences, and the line to the controller.
void counters_of_a_trial(benchmark::State& state) {
  HostCounters counters;
  std::size_t bytes = 0;
  for (auto _ : state) {
    counters.begin(kEverything);
    bytes = encode(Event(CountersResult{counters.end()})).size();
  }
  state.SetLabel(std::to_string(bytes) + " bytes");
}
BENCHMARK(counters_of_a_trial);

}  // namespace
}  // namespace pingperf
