#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <vector>

#include "harness/report/exports.h"
#include "harness/results/columns.h"
#include "harness/results/own_columns.h"

namespace pingperf {
namespace {

// A metric in base units: "rtt_p50_ns" becomes rtt_p50_seconds with the factor 1e-9.
struct BaseUnit {
  std::string name;
  double factor = 1;
};

BaseUnit in_base_units(const std::string& metric) {
  struct Unit {
    std::string_view ours, theirs;
    double factor;
  };
  static constexpr Unit units[] = {{"_s_per_gb", "_seconds_per_gigabyte", 1},
                                   {"_ns", "_seconds", 1e-9},
                                   {"_bps", "_bytes_per_second", 0.125},
                                   {"_hz", "_hertz", 1},
                                   {"_s", "_seconds", 1}};
  for (const Unit& unit : units)
    if (metric.ends_with(unit.ours))
      return {metric.substr(0, metric.size() - unit.ours.size()) + std::string(unit.theirs),
              unit.factor};
  return {metric};
}

// Escapes the value of a label, or a help text.
std::string escape_label(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return escaped;
}

// The trials and the summary of a run, and the text of the labels that all its samples have.
struct ExportedRun {
  const TrialTable& trials;
  std::vector<SummaryRow> summary;
  std::string labels;
};

std::string labels_of(const ExportedRun& run, const std::string& case_name) {
  const TrialTable& trials = run.trials;
  const auto& row = trials.rows()[trials.rows_of(case_name).front()];
  std::string text = run.labels;
  for (const char* const column : {"experiment", "workload", "case", "engine", "transport"})
    text += fmt::format("{}=\"{}\",", column, escape_label(trials.text(row, column)));
  return text;
}

void add_family(std::string& text, const Column& metric, const std::vector<ExportedRun>& runs) {
  const BaseUnit base = in_base_units(metric.name);
  std::string samples;
  for (const ExportedRun& run : runs)
    for (const SummaryRow& row : run.summary) {
      if (row.metric != metric.name) continue;
      const std::string labels = labels_of(run, row.case_name);
      const auto add = [&](std::string_view stat, const std::optional<double>& value) {
        if (value)
          samples += fmt::format("pingperf_{}{{{}stat=\"{}\"}} {}\n", base.name, labels, stat,
                                 number_text(*value * base.factor));
      };
      add("median", row.median);
      add("ci_low", row.ci_low);
      add("ci_high", row.ci_high);
    }
  if (samples.empty()) return;
  text += fmt::format("# HELP pingperf_{0} {1}{2}\n# TYPE pingperf_{0} gauge\n{3}", base.name,
                      escape_label(metric.doc), base.name == metric.name ? "" : " (in base units)",
                      samples);
}

void add_trial_counts(std::string& text, const ExportedRun& run) {
  const TrialTable& trials = run.trials;
  for (const std::string& name : trials.cases()) {
    std::map<std::string_view, std::size_t> counts;
    for (std::size_t i : trials.rows_of(name)) ++counts[trials.text(trials.rows()[i], "status")];
    for (const auto& [status, count] : counts)
      text += fmt::format("pingperf_trials{{{}status=\"{}\"}} {}\n", labels_of(run, name),
                          escape_label(status), count);
  }
}

}  // namespace

std::map<std::string, std::string> labels_of_export(const TrialTable& trials) {
  std::map<std::string, std::string> labels;
  if (trials.rows().empty()) return labels;
  const TrialTable::Row first = trials.rows().front();
  for (const char* const column : {"run", "client_host", "server_host"})
    if (const std::string_view value = trials.text(first, column); !value.empty())
      labels[column] = value;
  for (auto [name, value] : labels_of(trials)) {
    const auto is_other = [](unsigned char c) {
      return c >= 0x80 || (!std::isalnum(c) && c != '_');
    };
    std::ranges::replace_if(name, is_other, '_');
    if (name.empty()) continue;
    if (name.front() >= '0' && name.front() <= '9') name.insert(0, 1, '_');
    const bool is_taken = name == "stat" || name.starts_with("__");  // ours, and Prometheus's own
    if (!is_taken && !value.empty()) labels.emplace(name, value);
  }
  return labels;
}

std::string openmetrics(const std::vector<MetricsOfRun>& exported) {
  std::vector<ExportedRun> runs;
  for (const MetricsOfRun& run : exported) {
    std::string labels;
    for (const auto& [key, value] : run.labels)
      labels += fmt::format("{}=\"{}\",", key, escape_label(value));
    runs.push_back({run.trials, summarize(run.trials), labels});
  }
  std::string text;
  std::vector<std::string_view> metrics = metric_names();
  for (const ExportedRun& run : runs)
    for (const std::string_view metric : metrics_of(run.trials))
      if (std::ranges::find(metrics, metric) == metrics.end()) metrics.push_back(metric);
  for (const std::string_view metric : metrics) add_family(text, *find_metric(metric), runs);
  text +=
      "# HELP pingperf_trials Trials of the run by how they ended.\n"
      "# TYPE pingperf_trials gauge\n";
  for (const ExportedRun& run : runs) add_trial_counts(text, run);
  return text + "# EOF\n";
}

}  // namespace pingperf
