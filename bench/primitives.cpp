// What the instrument itself costs, primitive by primitive: what a latency loop does for each ping
// beside the two system calls.
#include <benchmark/benchmark.h>

#include "sockets/pingpong.h"

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

void histogram_record(benchmark::State& state) {
  Histogram histogram;
  Nanoseconds value = 0;
  for (auto _ : state) {
    histogram.record(10'000 + value);
    value = (value + 7919) & 0xffff;  // walks over many buckets
  }
  benchmark::DoNotOptimize(histogram);
}
BENCHMARK(histogram_record);

void histogram_merge(benchmark::State& state) {
  Histogram a, b;
  b.record(12'345);
  for (auto _ : state) a.merge(b);
  benchmark::DoNotOptimize(a);
}
BENCHMARK(histogram_merge);

// Two readings of the clock, the window's decision and the record: the overhead of a ping.
void ping_overhead(benchmark::State& state) {
  choose_stop_clock();
  PingThread thread;
  thread.limit = ~0ull;
  thread.flows.emplace_back();
  const PingWindow window{0, INT64_MAX};
  for (auto _ : state) {
    const Nanoseconds sent = stop_clock_ns();
    benchmark::DoNotOptimize(window.claim(thread, sent));
    benchmark::ClobberMemory();  // here would be send() and recv()
    window.record(thread, thread.flows.front(), sent, stop_clock_ns());
  }
  state.SetLabel(std::string(stop_clock.name()));
}
BENCHMARK(ping_overhead);

}  // namespace
}  // namespace pingperf
