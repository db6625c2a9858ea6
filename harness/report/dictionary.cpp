#include "harness/report/dictionary.h"

#include <fmt/format.h>

#include "harness/engines/engines.h"
#include "harness/results/columns.h"
#include "harness/results/summary.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {

std::string data_dictionary() {
  return fmt::format(R"(# The files of a run

`results/<name>/<UTC time>-<seed>/` holds everything that one `pingperf run` produced. This page is
generated from the tables that the files are written from.

CSV is RFC 4180 in UTF-8 with a header row and `.` as the decimal point. Units are in the names:
`_ns`, `_s`, `_bps` (bits a second), `_bytes`, `_hz`, `_ratio`. **An empty cell was not measured, or does
not apply**; it is never a zero. Booleans are `true` and `false`. Columns are only ever appended;
`schema_version` (now {}) says which.

## trials.csv: one row a trial

Metrics cover the measured window only: it opens `warmup` after an end's first payload byte and lasts
`duration`. They are empty unless `status` is ok.

{}
## intervals.csv: one row an interval of a trial and end

{}
## summary.csv: one row a case and metric

{}
## comparisons.csv: one row a compared pair and metric

{}
## `pingperf compare --format csv`: one row a case and metric of two runs

{}
## The others

`histograms/<case>-<repetition>.hgrm`: the round trips of a trial as HdrHistogram's percentile text, in
microseconds; its plotter opens it. `environment.json`: versions, command line, the facts of both hosts, and what `pingperf doctor` found
on them. `experiment.yaml`: an exact copy of the input. `junit.xml`: cases and gates as tests. `report.html`: all of it as a page
(docs/report.md). `.lock`: held while a pingperf writes here. `latest`, beside the runs, points at the newest.
)",
                     kSchemaVersion, trial_columns_markdown(), interval_columns_markdown(),
                     summary_columns_markdown(), comparison_columns_markdown(),
                     shift_columns_markdown());
}

namespace {

bool is_honoured(const Parameter& parameter) {
  for (const Engine* engine : all_engines())
    if (engine->honours(parameter.name)) return true;
  return false;
}

}  // namespace

std::string parameters_markdown() {
  std::string text = "| parameter | column of trials.csv | meaning |\n|---|---|---|\n";
  for (const Parameter& p : parameters())
    if (is_honoured(p)) text += fmt::format("| `{}` | `{}` | {} |\n", p.name, p.column, p.doc);
  return text;
}

std::string engines_markdown() {
  std::string text = "| engine | kind | transport | parameters |\n|---|---|---|---|\n";
  for (const Engine* e : all_engines())
    text += fmt::format("| {} | {} | {} | {} |\n", e->name, name(e->kind), name(e->transport),
                        fmt::join(e->parameters, ", "));
  return text;
}

}  // namespace pingperf
