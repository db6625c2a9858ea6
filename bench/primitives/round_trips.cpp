// Runs every engine over every transport with both ends in this process. An iteration is a round
// trip, a connection with its ping, or one message of a bulk transfer. Set-up is not measured.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <thread>

#include "bench/local_pair.h"

namespace pingperf {
namespace {

// Per batch: enough to make the cost of the first messages small.
constexpr std::uint64_t kMessages = 500;

bool spins(const Engine& engine) {
  return engine.name == "spin" || engine.name == "hybrid";
}

// Placement has a large effect on a round trip. Ends that sleep share a CPU; ends that spin do not.
Options pinned_options(const Engine& engine) {
  Options o = options_of(engine, kMessages);
  if (engine.kind == Kind::throughput) return o;
  if (engine.honours("nodelay")) o.nodelay = true;  // as in experiments
  o.client_cpu = "0";
  o.server_cpu = spins(engine) ? "1" : "0";
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

// Returns the reason why the engine cannot run on this host, or nullopt.
std::optional<std::string> why_unavailable(const Engine& engine) {
  if (spins(engine) && std::thread::hardware_concurrency() < 2)
    return "two spinning ends require two CPUs";
  if (engine.name == "xdp") return "its two ends require an interface each";
  return engine.unavailable();
}

const bool registered = [] {
  for (const Engine* engine : socket_engines()) {
    if (engine->name == "noop") continue;
    const std::string name = fmt::format("{}/{}/{}", pingperf::name(engine->kind), engine->name,
                                         pingperf::name(engine->transport));
    if (const auto why = why_unavailable(*engine)) {
      fmt::print(stderr, "{}: omitted: {}\n", name, *why);
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
