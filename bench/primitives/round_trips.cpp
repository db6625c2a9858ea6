// Every engine over every transport, both ends in this process: an iteration is a round trip, a
// connection with its ping, or one message of a bulk transfer. Set-up does not count.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <thread>

#include "bench/local_pair.h"

namespace pingperf {
namespace {

// At once: enough that the first of them weigh little.
constexpr std::uint64_t kMessages = 500;

bool spins(const Engine& engine) {
  return engine.name == "spin" || engine.name == "hybrid";
}

// Placement decides a round trip: those that sleep share a CPU, those that spin have one each.
Options pinned_options(const Engine& engine) {
  Options o = options_of(engine, kMessages);
  if (engine.kind == Kind::throughput) return o;
  o.client_cpu = 0;
  o.server_cpu = spins(engine) ? 1 : 0;
  return o;
}

void report(benchmark::State& state, const Measurement& client, const Options& o) {
  if (o.kind == Kind::throughput) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(*o.message_size));
  } else {
    state.counters["rtt_p50_ns"] = static_cast<double>(client.rtt->quantile(0.5));
    state.counters["rtt_p99_ns"] = static_cast<double>(client.rtt->quantile(0.99));
  }
  state.SetItemsProcessed(state.iterations());
}

void run_engine(benchmark::State& state, const Engine& engine) try {
  const Options options = pinned_options(engine);
  Measurement client;
  while (state.KeepRunningBatch(kMessages)) {
    Ends ends = run_pair(engine, options);
    state.SetIterationTime(ends.client.window_s.value_or(0));
    if (client.rtt) ends.client.rtt->merge(*client.rtt);
    client = std::move(ends.client);
  }
  report(state, client, options);
} catch (const std::exception& e) {
  state.SkipWithError(e.what());
}

// Why it is not run here; nothing when it is.
std::optional<std::string> objection_to(const Engine& engine) {
  if (spins(engine) && std::thread::hardware_concurrency() < 2)
    return "two that spin need two CPUs";
  return engine.unavailable();
}

const bool registered = [] {
  for (const Engine* engine : socket_engines()) {
    if (engine->name == "null") continue;
    const std::string name = fmt::format("{}/{}/{}", pingperf::name(engine->kind), engine->name,
                                         pingperf::name(engine->transport));
    if (const auto why = objection_to(*engine)) {
      fmt::print(stderr, "{}: left out: {}\n", name, *why);
      continue;
    }
    benchmark::RegisterBenchmark(name.c_str(), [engine](benchmark::State& state) {
      run_engine(state, *engine);
    })->UseManualTime();
  }
  return true;
}();

}  // namespace
}  // namespace pingperf
