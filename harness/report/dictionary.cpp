#include "harness/report/dictionary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <type_traits>
#include <vector>

#include "harness/base/text_table.h"
#include "harness/engines/engines.h"
#include "harness/report/parameter_notes.h"
#include "harness/results/columns.h"
#include "harness/results/own_columns.h"
#include "harness/results/summary.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/run_comparison.h"
#include "harness/verdicts/searches.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {

std::string data_dictionary() {
  return fmt::format(R"(# The files of a run

`results/<name>/<UTC time>-<seed>/` has all files of one `pingperf run`. This page is generated from
the tables of the program's code.

CSV is RFC 4180 in UTF-8 with a header row and `.` as the decimal point. Units are in the names:
`_ns`, `_s`, `_bps` (bits per second), `_bytes`, `_hz`, `_ratio`. **An empty cell was not measured, or does
not apply**; it is never a zero. Booleans are `true` and `false`. New columns are only appended;
`schema_version` (now {}) is the version of the columns.

The `labels` of an experiment, and those of `run --label KEY=VALUE`, are the last columns of every
table of a run. Its `percentiles` are columns of trials.csv before them: `rtt_p75_ns` for 75,
`rtt_p9995_ns` for 99.95, `rtt_p05_ns` for 5 (two digits stand before the decimal point).

## trials.csv: one row per trial

Metrics cover the measured window only: it opens `warmup` after an end's first payload byte and lasts
`duration`. They are empty unless `status` is ok.

{}
## intervals.csv: one row per interval, trial and end

{}
## counters.csv: one row per counter that changed, trial and host

{}
## summary.csv: one row per case and metric

{}
{}
## comparisons.csv: one row per compared pair and metric

{}
{}
## searches.csv: one row per search

Only runs with a search have this file. The trials of a search are rows of trials.csv with one case,
the column `search`, and the tried value in the column of the parameter. They are in no other table.

{}
## `pingperf compare --format csv`: one row per case and metric of two runs

{}
## The others

- `histograms/<case>-<repetition>.hgrm`: the round trips of a trial in microseconds, as HdrHistogram's
  percentile text. Its plotter opens the file.
- `environment.json`: versions, command line, the facts of both hosts of each pair, and the findings of
  `pingperf doctor`. A pair is left out if earlier pairs have both its agents. A run of `--sessions` also has the key `set`: `name` (the directory of the first
  run), `session` (the number of this run in the set), and `sessions` (the planned number of runs).
  `run_id` is random, so a history tells two runs of the same second apart.
- `experiment.yaml`: an exact copy of the input.
- `junit.xml`: cases and gates as tests.
- `report.html`: all results as a page (docs/report.md).
- `.lock`: locked while a pingperf writes here.
- `latest`, beside the runs: a link to the newest run.
)",
                     kSchemaVersion, trial_columns_markdown(), interval_columns_markdown(),
                     counter_columns_markdown(), summary_columns_markdown(),
                     case_columns_markdown(), verdict_columns_markdown(VerdictList::comparisons),
                     case_columns_markdown(), search_columns_markdown(),
                     verdict_columns_markdown(VerdictList::runs));
}

namespace {

struct Scale {
  std::string_view unit;
  double factor;
};

std::span<const Scale> scales_of(Unit unit) {
  static constexpr Scale durations[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};
  static constexpr Scale sizes[] = {
      {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"TB", 1e12}, {"B", 1}};
  static constexpr Scale rates[] = {{"Tbit", 1e12}, {"Gbit", 1e9}, {"kbit", 1e3}, {"bit", 1}};
  static constexpr Scale frequencies[] = {{"MHz", 1e6}, {"Hz", 1}};
  static constexpr Scale counts[] = {{"", 1}};
  switch (unit) {
    case Unit::duration:
      return durations;
    case Unit::size:
      return sizes;
    case Unit::rate:
      return rates;
    case Unit::frequency:
      return frequencies;
    default:
      return counts;
  }
}

// Returns the number as written in YAML: exact, in the largest unit that divides it.
std::string written(double value, Unit unit) {
  const auto scales = scales_of(unit);
  for (const Scale& scale : scales)
    if (value >= scale.factor && std::fmod(value, scale.factor) == 0)
      return fmt::format("{:.0f}{}", value / scale.factor, scale.unit);
  return fmt::format("{:g}{}", value,
                     value == 0 && unit == Unit::duration ? "s" : scales.back().unit);
}

std::string written(const Default& entry, Unit unit) {
  return std::visit(
      [&](auto value) -> std::string {
        if constexpr (std::is_same_v<decltype(value), bool>)
          return value ? "true" : "false";
        else if constexpr (std::is_same_v<decltype(value), std::string_view>)
          return std::string(value);
        else
          return written(static_cast<double>(value), unit);
      },
      entry.value);
}

// Returns "128KiB; 64B for ...". The last default applies to all other cases.
std::string defaults_of(const Parameter& p) {
  if (p.defaults.empty()) return "none";
  std::vector<std::string> texts;
  for (const Default& entry : p.defaults)
    texts.push_back(fmt::format("`{}`{}", written(entry, p.unit),
                                entry.condition.empty()
                                    ? p.defaults.size() > 1 ? " (otherwise)" : ""
                                    : fmt::format(" ({})", entry.condition)));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string type_of(const Parameter& p) {
  static constexpr std::string_view names[] = {"count",     "size", "duration", "rate",
                                               "frequency", "flag", "text"};
  const std::string_view type = names[static_cast<std::size_t>(p.unit)];
  if (!p.choices.empty()) return fmt::format("`{}`", fmt::join(p.choices, "`, `"));
  if (p.unit == Unit::flag) return "`true`, `false`";
  if (p.unit == Unit::text) return "text";
  return fmt::format("{}, {} to {}", type, written(p.minimum, p.unit), written(p.maximum, p.unit));
}

// Returns the kinds that some engine measures with the parameter.
std::string kinds_of(const Parameter& p) {
  std::vector<std::string_view> kinds;
  for (const std::string_view kind : kind_names())
    if (std::ranges::any_of(all_engines(), [&](const Engine* e) {
          return name(e->kind) == kind && e->honours(p.name);
        }))
      kinds.push_back(kind);
  return fmt::format("{}", fmt::join(kinds, ", "));
}

std::string sentence(std::string_view text) {
  const std::string_view first = text.substr(0, text.find(':'));
  std::string line(text);
  // Keeps the value of "value: its meaning" as it is.
  if (first.find(' ') != first.npos || first == text)
    line.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(line.front())));
  return line + ".";
}

std::string paragraph(const std::string& text) {
  return wrap(text, 100, 0) + "\n";
}

std::string entry(const Parameter& p) {
  std::string text = fmt::format("### {}\n\n", p.name);
  const std::string_view facts = facts_about(p.name), constraints = constraints_of(p.name);
  text += paragraph(fmt::format("{}{}{}", sentence(p.doc), facts.empty() ? "" : " ", facts)) + "\n";
  if (!constraints.empty()) text += paragraph(fmt::format("Constraints: {}", constraints)) + "\n";
  text += fmt::format("- Values: {}\n- Default: {}\n- Kinds: {}\n- Column: `{}`\n\n", type_of(p),
                      defaults_of(p), kinds_of(p), p.column);
  return text;
}

// Returns the transports over which the engine supports the parameter. If they differ between
// kinds, returns the transports per kind.
std::string cell(std::string_view engine, const Parameter& p) {
  std::set<std::string_view> honoured;
  std::map<std::string_view, std::vector<std::string_view>> by_kind;
  bool everywhere = true, alike = true;
  for (const Engine* e : all_engines())
    if (e->name == engine && e->honours(p.name)) {
      honoured.insert(name(e->transport));
      by_kind[name(e->kind)].push_back(name(e->transport));
    }
  std::map<std::string_view, bool> whole;  // kinds with the parameter over all their transports
  for (const Engine* e : all_engines()) {
    if (e->name != engine) continue;
    const bool has = e->honours(p.name);
    everywhere &= has;
    alike &= has || !honoured.contains(name(e->transport));
    whole.try_emplace(name(e->kind), true).first->second &= has;
  }
  if (honoured.empty()) return "";
  if (everywhere) return "all";
  if (alike) return fmt::format("{}", fmt::join(honoured, ", "));
  std::vector<std::string> texts;
  for (const auto& [kind, transports] : by_kind)
    texts.push_back(whole[kind] ? std::string(kind)
                                : fmt::format("{} ({})", kind, fmt::join(transports, ", ")));
  return fmt::format("{}", fmt::join(texts, "; "));
}

std::string matrix() {
  std::string text = fmt::format("| parameter | {} |\n|---|", fmt::join(engine_names(), " | "));
  for (std::size_t i = 0; i < engine_names().size(); ++i) text += "---|";
  text += "\n";
  for (const Parameter& p : parameters()) {
    text += fmt::format("| `{}` |", p.name);
    for (const std::string_view engine : engine_names())
      text += fmt::format(" {} |", cell(engine, p));
    text += "\n";
  }
  return text;
}

}  // namespace

std::string parameters_page() {
  std::string text = R"(# Parameters

The parameters of an experiment's workloads and defaults ([experiment.md](experiment.md)). This page
is generated from the table in sockets/core/options.cpp and the descriptions of the engines.

The first of these places that has a parameter sets it: the matrix, the workload, `defaults`, and
the default below. "Default: none" means that the kernel decides, or that the feature is off. A
parameter that the engine of its workload does not have is an error. An entry of `defaults` applies
to the engines that have the parameter, and is an error if no engine of the file has it.

Every parameter has a column in trials.csv. An empty cell means that the parameter does not apply or was
left to the kernel.

`kind` (throughput, latency or connect), `transport` (default tcp) and `engine` are written beside
the parameters. `kind` and `engine` are required. `defaults`, a matrix and `where` may also have all
three.

| type | examples | |
|---|---|---|
| duration | `500us`, `500ms`, `3s`, `2m`, `1h` | also ns; a number without a unit is an error |
| size | `64`, `1400B`, `64KiB`, `1MB` | bytes; kB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB of 1024 |
| rate | `100mbit`, `1.5Gbit` | bits per second: bit, kbit, Mbit, Gbit, Tbit |
| frequency | `5000`, `10Hz`, `5kHz`, `1MHz` | per second |
| count | `4` | plain digits |
| flag | `true`, `false` | no other spelling |
| text | `cubic` | 1 to 64 characters |

The letter case of units of sizes and rates does not matter.

## Engines

A cell lists the transports or kinds for which the engine has the parameter; "all" means all that
it serves. [experiment.md](experiment.md) and `pingperf engines` describe the engines.

)" + matrix() + "\n## Meaning\n\n";
  for (const Parameter& p : parameters()) text += entry(p);
  text.pop_back();  // the last blank line
  return text;
}

}  // namespace pingperf
