#include <algorithm>
#include <map>

#include "harness/base/statistics.h"
#include "harness/report/exports.h"
#include "harness/results/own_columns.h"

namespace pingperf {
namespace {

using Ordered = nlohmann::ordered_json;

// One trial as an iteration of Google Benchmark.
struct Iteration {
  double real_time_ns = 0;
  std::optional<double> cpu_time_ns;
  std::map<std::string, double> counters;
};

std::optional<Iteration> iteration_of(const TrialTable& trials, const TrialTable::Row& row,
                                      const std::vector<std::string_view>& metrics) {
  const auto value = [&](std::string_view metric) { return trials.number(row, metric); };
  Iteration it;
  if (const auto bps = value("throughput_bps"); bps && *bps > 0) {
    it.real_time_ns = 8e15 / *bps;  // per 1e6 bytes
    if (const auto cpu = value("cpu_s_per_gb")) it.cpu_time_ns = *cpu * 1e6;
    it.counters["bytes_per_second"] = *bps / 8;
  } else if (const auto rtt = value("rtt_p50_ns")) {
    it.real_time_ns = *rtt;
    const auto exchanges = value("exchanges");
    const auto client = value("client_cpu_s"), server = value("server_cpu_s");
    if (exchanges && client && server && *exchanges > 0)
      it.cpu_time_ns = (*client + *server) * 1e9 / *exchanges;
    if (const auto rate = value("rate_hz")) it.counters["items_per_second"] = *rate;
  } else {
    return std::nullopt;
  }
  for (const std::string_view metric : metrics)
    if (const auto number = value(metric)) it.counters[std::string(metric)] = *number;
  return it;
}

std::vector<Iteration> iterations_of(const TrialTable& trials, const std::string& name) {
  std::vector<Iteration> iterations;
  const std::vector<std::string_view> metrics = metrics_of(trials);
  for (std::size_t i : trials.rows_of(name)) {
    const auto& row = trials.rows()[i];
    if (!trials.is_ok(row)) continue;
    if (auto iteration = iteration_of(trials, row, metrics))
      iterations.push_back(std::move(*iteration));
  }
  const bool all_have_cpu = std::all_of(iterations.begin(), iterations.end(),
                                        [](const Iteration& it) { return it.cpu_time_ns; });
  // The format has no empty cells, so either all iterations of a case have a cpu_time, or none.
  for (Iteration& it : iterations)
    if (!all_have_cpu) it.cpu_time_ns = 0;
  return iterations;
}

Ordered entry_named(const std::string& name, std::size_t family, std::size_t repetitions) {
  return {{"name", name},     {"family_index", family},  {"per_family_instance_index", 0},
          {"run_name", name}, {"run_type", "iteration"}, {"repetitions", repetitions},
          {"threads", 1}};
}

void add_iterations(Ordered& list, const std::string& name, std::size_t family,
                    const std::vector<Iteration>& iterations) {
  for (std::size_t i = 0; i < iterations.size(); ++i) {
    Ordered entry = entry_named(name, family, iterations.size());
    entry["repetition_index"] = i;
    entry["iterations"] = 1;
    entry["real_time"] = iterations[i].real_time_ns;
    entry["cpu_time"] = *iterations[i].cpu_time_ns;
    entry["time_unit"] = "ns";
    for (const auto& [counter, value] : iterations[i].counters) entry[counter] = value;
    list.push_back(std::move(entry));
  }
}

struct Aggregate {
  const char* name;
  const char* unit;
  double (*of)(const std::vector<double>&);
};

double deviation(const std::vector<double>& values) {
  return standard_deviation(values).value_or(0);
}

double variation(const std::vector<double>& values) {
  const double center = mean(values);
  return center == 0 ? 0 : deviation(values) / center;
}

constexpr Aggregate kAggregates[] = {
    {"mean", "time", mean},
    {"median", "time", [](const std::vector<double>& values) { return median(values); }},
    {"stddev", "time", deviation},
    {"cv", "percentage", variation}};

void add_aggregates(Ordered& list, const std::string& name, std::size_t family,
                    const std::vector<Iteration>& iterations) {
  std::vector<double> real, cpu;
  std::map<std::string, std::vector<double>> counters;
  for (const Iteration& it : iterations) {
    real.push_back(it.real_time_ns);
    cpu.push_back(*it.cpu_time_ns);
    for (const auto& [counter, value] : it.counters) counters[counter].push_back(value);
  }
  for (const Aggregate& aggregate : kAggregates) {
    Ordered entry = entry_named(name, family, iterations.size());
    entry["name"] = name + "_" + aggregate.name;
    entry["run_type"] = "aggregate";
    entry["aggregate_name"] = aggregate.name;
    entry["aggregate_unit"] = aggregate.unit;
    entry["iterations"] = iterations.size();
    entry["real_time"] = aggregate.of(real);
    entry["cpu_time"] = aggregate.of(cpu);
    entry["time_unit"] = "ns";
    for (const auto& [counter, values] : counters)
      if (values.size() == iterations.size()) entry[counter] = aggregate.of(values);
    list.push_back(std::move(entry));
  }
}

Ordered context_of(const TrialTable& trials, const Json& environment) {
  const Json host = environment.is_object()
                        ? environment.value("hosts", Json::object()).value("client", Json::object())
                        : Json::object();
  const auto& rows = trials.rows();
  return {{"date", rows.empty() ? std::string_view() : trials.text(rows.front(), "started_at")},
          {"host_name", host.value("hostname", "")},
          {"executable", "pingperf"},
          {"num_cpus", host.value("cpus", 0)},
          {"caches", Ordered::array()},
          {"load_avg", Ordered::array()},
          {"library_build_type", host.value("build_type", "") == "Debug" ? "debug" : "release"},
          {"real_time", "throughput: time per megabyte (1e6 bytes); else the median round trip"},
          {"cpu_time", "CPU time of both ends per megabyte, or per exchange"}};
}

}  // namespace

std::string benchmark_json(const TrialTable& trials, const Json& environment) {
  Ordered json;
  json["context"] = context_of(trials, environment);
  json["benchmarks"] = Ordered::array();
  std::size_t family = 0;
  for (const std::string& name : trials.cases()) {
    if (trials.is_searched(name)) continue;
    const std::vector<Iteration> iterations = iterations_of(trials, name);
    if (iterations.empty()) continue;
    add_iterations(json["benchmarks"], name, family, iterations);
    if (iterations.size() > 1) add_aggregates(json["benchmarks"], name, family, iterations);
    ++family;
  }
  return json.dump(2, ' ', false, Ordered::error_handler_t::replace) + "\n";
}

}  // namespace pingperf
