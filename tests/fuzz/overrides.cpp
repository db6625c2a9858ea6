// Fuzzes `--set` and `--only`. Each line of the input is a `--set` expression, except that a line
// which starts with "only " is the glob of `--only`.
#include <sstream>

#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/verdicts/criteria_reader.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

constexpr const char* kExperiment = R"(
name: fuzz
hosts: {server: {address: 127.0.0.1}}
plan: {repetitions: 2, seed: 3}
defaults: {duration: 200ms, pin: {client: 0, server: 0}}
workloads:
  bulk: {kind: throughput, matrix: {engine: [iperf3, blocking], streams: [1, 2]}}
  pings: {kind: latency, matrix: {transport: [tcp, udp], engine: [blocking]}}
compare: [{metric: throughput_bps, axis: engine, baseline: iperf3}]
gates: [{metric: rtt_p99_ns, workload: pings, at_most: 1s}]
)";

Overrides overrides_in(const std::string& text) {
  Overrides overrides;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("only "))
      overrides.only.push_back(line.substr(5));
    else
      overrides.set.push_back(line);
  }
  return overrides;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = text_of(data, size);
  if (text.find("iperf3_options") != std::string::npos) return -1;  // as in experiment.cpp
  try {
    const Experiment experiment = parse_experiment(kExperiment, "fuzz.yaml", overrides_in(text));
    require(!experiment.cases.empty(), "an experiment has cases");
    read_criteria(experiment);
  } catch (const UsageError& e) {
    require_lines(e.what());
  }
  return 0;
}
