#include "harness/results/summary.h"

#include <algorithm>

#include "harness/base/column_table.h"
#include "harness/base/statistics.h"
#include "harness/results/columns.h"
#include "harness/results/own_columns.h"

namespace pingperf {
namespace {

struct SummaryColumn {
  std::string_view name;
  std::string_view doc;
  std::string (*text)(const SummaryRow&);
};

using R = const SummaryRow&;
constexpr SummaryColumn kColumns[] = {
    {"schema_version", "version of these columns",
     [](R) { return std::to_string(kSchemaVersion); }},
    {"run", "name of the run's directory", [](R r) { return r.run; }},
    {"case", "workload and point of its matrix", [](R r) { return r.case_name; }},
    {"workload", "name of the workload", [](R r) { return r.workload; }},
    {"metric", "a metric of trials.csv, in its unit", [](R r) { return r.metric; }},
    {"n", "trials with a value", [](R r) { return std::to_string(r.n); }},
    {"median", "of the trials", [](R r) { return number_text(r.median); }},
    {"mean", "of the trials", [](R r) { return number_text(r.mean); }},
    {"stddev", "of the sample (n - 1); empty for n = 1", [](R r) { return number_text(r.stddev); }},
    {"cv", "coefficient of variation: stddev / mean", [](R r) { return number_text(r.cv); }},
    {"ci_low",
     "distribution-free interval of the median with at least 95 % coverage, from order "
     "statistics (binomial); empty for n < 6, where there is none",
     [](R r) { return number_text(r.ci_low); }},
    {"ci_high", "its upper end", [](R r) { return number_text(r.ci_high); }},
    {"min", "of the trials", [](R r) { return number_text(r.min); }},
    {"max", "of the trials", [](R r) { return number_text(r.max); }},
};

SummaryRow summarize_values(const std::vector<double>& values) {
  SummaryRow row;
  row.n = values.size();
  row.median = median(values);
  row.mean = mean(values);
  row.stddev = standard_deviation(values);
  if (row.stddev && row.mean != 0) row.cv = *row.stddev / row.mean;
  if (const auto interval = median_interval(values)) {
    row.ci_low = interval->first;
    row.ci_high = interval->second;
  }
  row.min = *std::min_element(values.begin(), values.end());
  row.max = *std::max_element(values.begin(), values.end());
  return row;
}

}  // namespace

std::vector<SummaryRow> summarize(const TrialTable& trials) {
  std::vector<SummaryRow> summary;
  const std::vector<std::string_view> metrics = metrics_of(trials);
  for (const std::string& name : trials.cases()) {
    const auto first = trials.rows()[trials.rows_of(name).front()];
    for (std::string_view metric : metrics) {
      const std::vector<double> values = values_of(trials, name, metric);
      if (values.empty()) continue;
      SummaryRow row = summarize_values(values);
      row.run = trials.text(first, "run");
      row.case_name = name;
      row.workload = trials.text(first, "workload");
      row.metric = metric;
      summary.push_back(std::move(row));
    }
  }
  return summary;
}

std::string summary_csv(const std::vector<SummaryRow>& rows) {
  std::string text = csv_header(kColumns);
  for (const auto& row : rows) text += csv_line(kColumns, row);
  return text;
}

std::string summary_columns_markdown() {
  return columns_markdown(kColumns);
}

}  // namespace pingperf
