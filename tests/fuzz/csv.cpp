// Fuzzes trials.csv as `compare` reads it. Any bytes give a table or a one-line error. A table
// survives being written and read again, and its trials can be compared with themselves.
#include "harness/base/csv.h"

#include <algorithm>

#include "harness/base/usage_error.h"
#include "harness/experiment/experiment.h"
#include "harness/results/run_set.h"
#include "harness/results/summary.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/run_comparison.h"
#include "harness/verdicts/verdict_columns.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

void write_again(const CsvTable& table) {
  std::string text = csv_row(table.header());
  for (const auto row : table.rows()) text += csv_row(row.fields());
  const CsvTable again = CsvTable::parse(text, "again");
  require(!again.torn() && again.header() == table.header() &&
              std::ranges::equal(again.rows(), table.rows(), {}, &CsvTable::Row::fields,
                                 &CsvTable::Row::fields),
          "a table survives being written");
}

void compare(const CsvTable& table) {
  const TrialTable trials(table);
  summary_csv(summarize(trials));
  const RunSet runs = RunSet::of(trials);
  for (const char* const relative_to : {"", "engine=iperf3"}) {
    const RunComparison comparison = compare_runs(
        runs, runs,
        {.metrics = {"throughput_bps", "rtt_p50_ns", "loss_ratio"}, .relative_to = relative_to});
    for (const Verdict& row : comparison.rows) require_one_line(describe(row));
    verdicts_csv(VerdictList::runs, comparison.rows);
    run_comparison_json(comparison);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const CsvTable table = CsvTable::parse(text_of(data, size), "fuzz.csv");
    write_again(table);
    compare(table);
  } catch (const CsvError& e) {
    require_one_line(e.what());
  } catch (const UsageError& e) {
    require_one_line(e.what());
  }
  return 0;
}
