// The columns of trials.csv and intervals.csv, each with name, meaning and getter in one table:
// header, rows, metrics of comparisons and results/README.md all come from here.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/results/metrics.h"

namespace pingperf {

inline constexpr int kSchemaVersion = 1;  // of trials.csv and every other file of a run

// A column of trials.csv. A metric has `value`; any other column has `text`.
struct Column {
  std::string name;
  std::string doc;
  std::function<std::string(const TrialRecord&)> text;
  std::function<std::optional<double>(const TrialRecord&)> value;
  Better better = Better::neither;
  MeasuredBy measured_by = MeasuredBy::any;

  bool is_metric() const { return static_cast<bool>(value); }
  // The cell; empty when not measured, not applicable, or when the trial of a metric is not ok.
  std::string cell(const TrialRecord& record) const;
};

// In the order of the file. Columns are only ever appended.
std::span<const Column> trial_columns();

// Null when there is no such metric.
const Column* find_metric(std::string_view name);
std::vector<std::string_view> metric_names();
// "unknown metric 'thruput_bps', did you mean 'throughput_bps'?"
std::string unknown_metric(std::string_view name);

std::string trials_header();
std::string trial_row(const TrialRecord& record);

std::string intervals_header();
// A row an interval of both ends; empty when there are none.
std::string interval_rows(const TrialRecord& record);

// A number as every file has it: the shortest decimal that reads back as the same double.
std::string number_text(double value);
std::string number_text(const std::optional<double>& value);  // empty: an empty cell

// A table of the columns' names and meanings, in Markdown, for results/README.md.
std::string trial_columns_markdown();
std::string interval_columns_markdown();

}  // namespace pingperf
