// The columns of trials.csv, intervals.csv and counters.csv: one table of name, meaning and getter.
// The headers, the rows, the metrics of comparisons and results/README.md are made from it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/parameter_text.h"
#include "harness/results/metrics.h"

namespace pingperf {

inline constexpr int kSchemaVersion = 1;  // of trials.csv and every other file of a run

// A column of trials.csv: a metric, or any other value with its text.
struct Column : Metric {
  using Text = std::function<std::string(const TrialRecord&)>;

  explicit Column(Metric metric) : Metric(std::move(metric)) {}
  Column(std::string column, std::string meaning, Text cell_text, int generation = 0)
      : Metric{std::move(column), std::move(meaning), {}}, text(std::move(cell_text)) {
    since = generation;
  }

  Text text = {};  // empty for a metric

  bool is_metric() const { return static_cast<bool>(value); }
  // Returns the cell. It is empty if the value was not measured or does not apply, and for the
  // metrics of a trial that is not ok.
  std::string cell(const TrialRecord& record) const;
};

// Returns the columns in the order of the file. New columns are only appended.
std::span<const Column> trial_columns();

enum class CellType { text, number, flag };

// Returns what the cells of a column of trials.csv are, or nothing if there is no such column.
std::optional<CellType> cell_type(std::string_view column);

// Returns the metric with this name: a column of every run, or a percentile of the round trips that
// an experiment can add. Returns nothing if there is no such metric.
std::optional<Column> find_metric(std::string_view name);
std::vector<std::string_view> metric_names();
// Returns "unknown metric 'thruput_bps', did you mean 'throughput_bps'?".
std::string unknown_metric(std::string_view name);

std::string trials_header();
std::string trial_row(const TrialRecord& record);

std::string intervals_header();
// Returns one row per interval of both ends; empty if there are none.
std::string interval_rows(const TrialRecord& record);

std::string counters_header();
// Returns one row per counter that has changed; empty if there are none.
std::string counter_rows(const TrialRecord& record);

// Returns the columns' names and meanings as a Markdown table for results/README.md.
std::string trial_columns_markdown();
std::string interval_columns_markdown();
std::string counter_columns_markdown();

}  // namespace pingperf
