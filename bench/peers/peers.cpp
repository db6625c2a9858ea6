// Compares pingperf with other tools on the same work over loopback. Each round runs every setting
// in shuffled order, and within a setting every installed tool directly after the other. The
// figures are compared like those of a run of pingperf: pairs of one round, with intervals and
// verdicts.
//
// Usage: peers [ROUNDS [SECONDS]]    (default: 12 rounds of 1 s)
// Prints a Markdown table. Exits with 1 if a trial of pingperf failed in a round.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <thread>

#include "bench/local_trials.h"
#include "bench/peers/tool.h"
#include "harness/agent/host_facts.h"
#include "harness/base/json.h"
#include "harness/base/statistics.h"
#include "harness/base/text_table.h"
#include "harness/base/units.h"
#include "harness/report/results_table.h"
#include "harness/results/columns.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/comparison.h"

namespace pingperf {
namespace {

constexpr const char* kOurs = "pingperf";

struct Figure {
  const char* metric;
  const char* name;
};
constexpr std::array kFigures = {Figure{"rtt_p50_ns", "p50"}, Figure{"rtt_p99_ns", "p99"},
                                 Figure{"rtt_mean_ns", "mean"},
                                 Figure{"throughput_bps", "goodput"}};

std::string name_of_figure(std::string_view metric) {
  const auto is_it = [&](const Figure& figure) { return figure.metric == metric; };
  return std::ranges::find_if(kFigures, is_it)->name;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = {
      {"TCP ping-pong, blocking, one CPU", Kind::latency, Transport::tcp, false, 0, 0},
      {"UDP ping-pong, blocking, one CPU", Kind::latency, Transport::udp, false, 0, 0},
      {"TCP ping-pong, spinning, two CPUs", Kind::latency, Transport::tcp, true, 0, 1},
      {"UDP ping-pong, spinning, two CPUs", Kind::latency, Transport::udp, true, 0, 1},
      {"TCP bulk, blocking, one CPU", Kind::throughput, Transport::tcp, false, 0, 0},
      {"UDP bulk, blocking, two CPUs", Kind::throughput, Transport::udp, false, 0, 1},
  };
  return all;
}

bool can_run(const Setting& s) {
  return std::max(s.client_cpu, s.server_cpu) < std::thread::hardware_concurrency();
}

// Returns the experiment of pingperf, with one workload per setting.
std::string experiment_text(unsigned seconds) {
  std::string text = "name: peers\nworkloads:\n";
  for (std::size_t i = 0; i < settings().size(); ++i) {
    const Setting& s = settings()[i];
    text += fmt::format(
        "  s{}: {{kind: {}, engine: {}, transport: {}, message_size: {}, duration: {}s, warmup: "
        "{}, pin: {{client: {}, server: {}}}{}}}\n",
        i, name(s.kind), s.spins ? "spin" : "blocking", name(s.transport), size_of(s), seconds,
        s.kind == Kind::latency ? "100ms" : "0ms", s.client_cpu, s.server_cpu,
        s.kind == Kind::throughput && s.transport == Transport::udp ? ", receive_buffer: 4MiB"
                                                                    : "");
  }
  return text;
}

Figures our_figures(const TrialRecord& record) {
  Figures figures;
  for (const auto& [metric, figure] : kFigures)
    if (const auto value = find_metric(metric)->value(record)) figures[metric] = *value;
  return figures;
}

// Returns the row of a tool's trial, in the columns that comparisons require.
std::string row_of(const Setting& setting, const char* tool, unsigned round,
                   const Figures& figures) {
  std::vector<std::string> fields = {"peers",
                                     "peers",
                                     setting.name,
                                     fmt::format("{}/{}", setting.name, tool),
                                     std::to_string(round),
                                     "ok"};
  for (const auto& [metric, figure] : kFigures) {
    const auto found = figures.find(metric);
    fields.push_back(found == figures.end() ? "" : number_text(found->second));
  }
  return csv_row(fields);
}

std::string header() {
  std::vector<std::string> fields = {"run", "experiment", "workload", "case", "block", "status"};
  for (const auto& [metric, figure] : kFigures) fields.emplace_back(metric);
  return csv_row(fields);
}

// Returns the installed tools and reports the others.
std::vector<const Tool*> installed_tools() {
  std::vector<const Tool*> tools;
  for (const Tool& tool : peer_tools()) {
    if (!is_installed(tool))
      fmt::print(stderr, "{} is not installed: omitted\n", tool.name);
    else
      tools.push_back(&tool);
  }
  return tools;
}

// Runs one tool, or pingperf if it is null. Returns the row, or "" if the tool failed.
std::string run_tool(const Tool* tool, std::size_t setting, unsigned round, unsigned seconds,
                     LocalTrials& ours) try {
  const Setting& s = settings()[setting];
  return row_of(s, tool ? tool->name : kOurs, round,
                tool ? tool->run(s, seconds) : our_figures(ours.run(setting)));
} catch (const std::exception& e) {
  fmt::print(stderr, "round {}, {}, {}: {}\n", round, settings()[setting].name,
             tool ? tool->name : kOurs, e.what());
  return "";
}

std::string run_round(unsigned round, unsigned seconds, const std::vector<const Tool*>& tools,
                      LocalTrials& ours) {
  std::mt19937_64 random(round);
  std::vector<std::size_t> order(settings().size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  std::string rows;
  for (std::size_t setting : order) {
    const Setting& s = settings()[setting];
    if (!can_run(s)) continue;
    std::vector<const Tool*> those = {nullptr};
    for (const Tool* tool : tools)
      if (tool->serves(s)) those.push_back(tool);
    std::shuffle(those.begin(), those.end(), random);
    for (const Tool* tool : those) rows += run_tool(tool, setting, round, seconds, ours);
  }
  return rows;
}

std::size_t our_trials(const TrialTable& trials, const Setting& setting) {
  return trials.rows_of(fmt::format("{}/{}", setting.name, kOurs)).size();
}

// Compares every figure that a tool and pingperf both have.
std::vector<Verdict> compare_all(const TrialTable& trials, const std::vector<const Tool*>& tools) {
  std::vector<Verdict> rows;
  for (const Setting& setting : settings())
    for (const Tool* tool : tools)
      for (const auto& [metric, figure] : kFigures) {
        const CasePair pair = {fmt::format("{}/{}", setting.name, kOurs),
                               fmt::format("{}/{}", setting.name, tool->name)};
        Verdict row = compare_pair(metric, pair, trials, {});
        if (row.n > 0) rows.push_back(std::move(row));
      }
  decide_family(rows, {});
  return rows;
}

std::string table_text(const std::vector<Verdict>& rows, const TrialTable& trials) {
  TextTable table({"setting", "figure", "pingperf", "peer", "peer's figure", "ratio",
                   "95 % interval", "verdict on pingperf"});
  const auto median_text = [&](const std::string& case_name, const std::string& metric) {
    return human_metric(metric, median(values_of(trials, case_name, metric)));
  };
  for (const Verdict& row : rows) {
    const std::size_t slash = row.baseline.find('/');
    table.add({row.baseline.substr(0, slash), name_of_figure(row.metric),
               median_text(row.case_name, row.metric), row.baseline.substr(slash + 1),
               median_text(row.baseline, row.metric), fmt::format("{:.2f}", row.value.value_or(0)),
               row.ci_low ? fmt::format("{:.2f} … {:.2f}", *row.ci_low, *row.ci_high) : "",
               std::string(name(row.decision))});
  }
  std::string text = table.to_markdown() + "\n";
  for (const Verdict& row : rows)
    if (!row.warning.empty())
      text += fmt::format("- {} of {}\n", name_of_figure(row.metric), row.warning);
  return text;
}

std::string facts_text(unsigned rounds, unsigned seconds, const std::vector<const Tool*>& tools) {
  const Json host = parse_json(host_facts());
  std::string text = fmt::format(
      "{} rounds of {} s. {} CPUs of {}, {}, congestion control {}, pingperf {}.", rounds, seconds,
      host.value("cpus", 0), host.value("cpu_model", "?"), host.value("kernel", "?"),
      host.value("congestion_control", "?"), host.value("git", "?"));
  for (const Tool* tool : tools)
    text += fmt::format(" {} {}{}{}.", tool->name, version_of(*tool), *tool->note ? ", " : "",
                        tool->note);
  return text + "\n";
}

int run_peers(unsigned rounds, unsigned seconds) {
  const std::vector<const Tool*> tools = installed_tools();
  LocalTrials ours(experiment_text(seconds), PINGPERF_BINARY);
  std::string rows = header();
  for (unsigned round = 1; round <= rounds; ++round) {
    rows += run_round(round, seconds, tools, ours);
    fmt::print(stderr, "round {} of {}\n", round, rounds);
  }
  const TrialTable trials(CsvTable::parse(rows, "peers"));
  fmt::print("{}\n{}", facts_text(rounds, seconds, tools),
             table_text(compare_all(trials, tools), trials));
  return std::ranges::all_of(
             settings(),
             [&](const Setting& s) { return !can_run(s) || our_trials(trials, s) == rounds; })
             ? 0
             : 1;
}

}  // namespace
}  // namespace pingperf

int main(int argc, char** argv) {
  const auto argument = [&](int i, const char* otherwise) {
    return pingperf::parse_count(argc > i ? argv[i] : otherwise);
  };
  const auto rounds = argument(1, "12"), seconds = argument(2, "1");
  if (argc > 3 || !rounds || !seconds || *rounds * *seconds == 0 || *rounds * *seconds > 100'000) {
    fmt::print(stderr, "Usage: peers [ROUNDS [SECONDS]]\n");
    return 2;
  }
  try {
    return pingperf::run_peers(static_cast<unsigned>(*rounds), static_cast<unsigned>(*seconds));
  } catch (const std::exception& e) {
    fmt::print(stderr, "peers: {}\n", e.what());
    return 1;
  }
}
