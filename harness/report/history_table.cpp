#include "harness/report/history_table.h"

#include <fmt/core.h>

#include "harness/base/csv.h"
#include "harness/base/json.h"
#include "harness/base/parameter_text.h"

namespace pingperf {
namespace {

Json json_of_run(const HistoryRun& run) {
  return {{"id", run.id},
          {"run", run.name},
          {"experiment", run.experiment},
          {"started_at", run.started_at},
          {"machine", run.machine},
          {"directory", run.directory},
          {"labels", run.labels},
          {"facts", run.facts}};
}

}  // namespace

std::string labels_text(const HistoryRun& run) {
  std::string text;
  for (const auto& [key, value] : run.labels)
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  return text;
}

std::string history_runs_table(const std::vector<HistoryRun>& runs, const Style& style) {
  TextTable table({"run", "started", "experiment", "machine", "labels", "number"}, 5);
  for (const HistoryRun& run : runs)
    table.add({run.name, run.started_at.substr(0, 16), run.experiment, run.machine,
               labels_text(run), std::to_string(run.id)});
  return table.to_string(style);
}

std::string history_runs_csv(const std::vector<HistoryRun>& runs) {
  std::string text =
      csv_row({"id", "run", "experiment", "started_at", "machine", "directory", "labels"});
  for (const HistoryRun& run : runs)
    text += csv_row({std::to_string(run.id), run.name, run.experiment, run.started_at, run.machine,
                     run.directory, labels_text(run)});
  return text;
}

Json history_runs_json(const std::vector<HistoryRun>& runs) {
  Json list = Json::array();
  for (const HistoryRun& run : runs) list.push_back(json_of_run(run));
  return list;
}

std::string history_run_text(const HistoryRun& run) {
  std::string text = fmt::format("{}: number {}, experiment {}, started {}, on {}\n", run.name,
                                 run.id, run.experiment, run.started_at, run.machine);
  if (!run.labels.empty()) text += fmt::format("labels: {}\n", labels_text(run));
  for (const auto& [name, value] : run.facts) text += fmt::format("{}: {}\n", name, value);
  if (!run.directory.empty()) text += run.directory + "\n";
  return text;
}

std::string history_medians_header() {
  return csv_row(
      {"run", "experiment", "started_at", "machine", "labels", "case", "metric", "median"});
}

std::string history_median_csv(const HistoryRun& run, const std::string& case_name,
                               const std::string& metric, double value) {
  return csv_row({run.name, run.experiment, run.started_at, run.machine, labels_text(run),
                  case_name, metric, number_text(value)});
}

std::string history_median_json(const HistoryRun& run, const std::string& case_name,
                                const std::string& metric, double value) {
  return json_line({{"run", run.name},
                    {"experiment", run.experiment},
                    {"started_at", run.started_at},
                    {"machine", run.machine},
                    {"labels", run.labels},
                    {"case", case_name},
                    {"metric", metric},
                    {"median", value}});
}

}  // namespace pingperf
