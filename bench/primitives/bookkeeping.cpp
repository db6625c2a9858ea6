// The work of the loops per message, without system calls.
#include <benchmark/benchmark.h>

#include "sockets/latency/pingpong.h"
#include "sockets/measure/sequence.h"

namespace pingperf {
namespace {

void histogram_record(benchmark::State& state) {
  Histogram histogram;
  Nanoseconds value = 0;
  for (auto _ : state) {
    histogram.record(10'000 + value);
    value = (value + 7919) & 0xffff;  // uses many buckets
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

// The overhead of a ping: two readings of the clock, the decision of the window, the record.
void ping_overhead(benchmark::State& state) {
  calibrate_clock();
  PingThread thread;
  thread.limit = ~0ull;
  thread.flows.emplace_back();
  const PingWindow window{0, INT64_MAX};
  for (auto _ : state) {
    const Nanoseconds sent = fast_now_ns();
    benchmark::DoNotOptimize(window.may_send(thread, sent));
    benchmark::ClobberMemory();  // in place of send() and recv()
    window.record(thread, thread.flows.front(), sent, fast_now_ns());
  }
  state.SetLabel(std::string(fast_clock.name()));
}
BENCHMARK(ping_overhead);

// Counts losses, reordering, duplicates and jitter of datagrams that arrive in order.
void sequence_in_order(benchmark::State& state) {
  SequenceTracker tracker;
  std::uint64_t number = 0;
  for (auto _ : state) {
    const auto time = static_cast<Nanoseconds>(number * 1000);
    benchmark::DoNotOptimize(tracker.received(number++, time, time + 500));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sequence_in_order);

// The same when every second datagram overtakes the one before it.
void sequence_reordered(benchmark::State& state) {
  SequenceTracker tracker;
  std::uint64_t number = 0;
  for (auto _ : state) {
    const auto time = static_cast<Nanoseconds>(number * 1000);
    benchmark::DoNotOptimize(tracker.received(number++ ^ 1, time, time + 500));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sequence_reordered);

void token_check(benchmark::State& state) {
  const Token ours = mint_token();
  Token theirs = ours;
  for (auto _ : state) {
    benchmark::DoNotOptimize(theirs.data());
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(same_token(ours, theirs));
  }
}
BENCHMARK(token_check);

}  // namespace
}  // namespace pingperf
