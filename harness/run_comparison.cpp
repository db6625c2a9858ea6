#include "harness/run_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/column_table.h"
#include "harness/columns.h"
#include "harness/environment.h"
#include "harness/pairing.h"
#include "harness/statistics.h"

namespace pingperf {
namespace {

// "bulk/engine=iperf3/streams=4" taken apart.
Case case_named(const std::string& name) {
  Case c;
  c.name = name;
  std::size_t end = name.find('/');
  c.workload = name.substr(0, end);
  while (end != std::string::npos) {
    const std::size_t begin = end + 1;
    end = name.find('/', begin);
    const std::string part = name.substr(begin, end - begin);
    const std::size_t equals = part.find('=');
    c.axes.emplace_back(part.substr(0, equals),
                        equals == std::string::npos ? "" : part.substr(equals + 1));
  }
  return c;
}

struct Reference {
  std::string key, value;
};

Reference reference_from(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw UsageError(fmt::format(
        "relative to '{}': write an axis and its value, e.g. engine=iperf3, or workload=NAME",
        text));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// The case that each trial of `name` is divided by; empty when there is none.
std::string reference_of(const std::string& name, const std::string& relative_to,
                         const std::vector<Case>& cases) {
  if (relative_to.empty()) return "";
  const Reference reference = reference_from(relative_to);
  const auto is_it = [&](const Case& c) { return c.name == name; };
  const std::vector<CasePair> pairs =
      reference.key == "workload" ? pairs_with_workload(reference.value, is_it, cases)
                                  : pairs_along_axis(reference.key, reference.value, is_it, cases);
  return pairs.empty() ? "" : pairs.front().baseline;
}

// The values of a case in one side's runs.
struct Side {
  std::vector<double> values;       // as measured
  std::vector<double> logs;         // of what is compared
  std::vector<double> run_medians;  // of logs, one a run
  std::vector<double> steal_ratios;
};

Side side_of(const RunSet& runs, const std::string& metric, const std::string& case_name,
             const std::string& reference) {
  Side side;
  for (const RunSet::Run& run : runs.runs()) {
    std::map<std::uint64_t, double> divisors;
    if (!reference.empty()) divisors = run.trials.values(reference, metric);
    std::vector<double> logs;
    for (const auto& [block, value] : run.trials.values(case_name, metric)) {
      const auto divisor = divisors.find(block);
      if (!reference.empty() && (divisor == divisors.end() || divisor->second <= 0)) continue;
      side.values.push_back(value);
      if (value > 0) logs.push_back(std::log(reference.empty() ? value : value / divisor->second));
    }
    for (double steal : values_of(run.trials, case_name, "steal_ratio"))
      side.steal_ratios.push_back(steal);
    if (logs.empty()) continue;
    side.run_medians.push_back(median(logs));
    side.logs.insert(side.logs.end(), logs.begin(), logs.end());
  }
  return side;
}

std::vector<double> exponentials(std::vector<double> logs) {
  for (double& value : logs) value = std::exp(value);
  return logs;
}

// Runs of one side that differ among themselves as much as the sides do: then the shift between the
// sides may be no more than that between sessions, which trials within a run cannot tell.
std::string remark_on_sessions(const Side& base, const Side& now, double shift, double threshold) {
  for (const Side* side : {&base, &now}) {
    const auto [low, high] =
        std::minmax_element(side->run_medians.begin(), side->run_medians.end());
    if (low == high) continue;
    const double apart = *high - *low;
    if (apart > std::log1p(threshold) && apart >= std::abs(shift))
      return fmt::format("{} runs alone differ by {:.0f}%",
                         side == &base ? "the base's" : "the new", 100 * std::expm1(apart));
  }
  return "";
}

struct ShiftColumn {
  std::string_view name;
  std::string_view doc;
  std::string (*text)(const ShiftRow&);
};

using R = const ShiftRow&;
constexpr ShiftColumn kColumns[] = {
    {"schema_version", "version of these columns",
     [](R) { return std::to_string(kSchemaVersion); }},
    {"metric", "a metric of trials.csv", [](R r) { return r.metric; }},
    {"case", "the case, in both runs", [](R r) { return r.case_name; }},
    {"reference", "the case that each trial was divided by (--relative-to); empty: none",
     [](R r) { return r.reference; }},
    {"base_n", "trials of the base with a value", [](R r) { return std::to_string(r.base_n); }},
    {"new_n", "trials of the new run with a value", [](R r) { return std::to_string(r.new_n); }},
    {"base_median", "of the trials as measured, in the metric's unit",
     [](R r) { return number_text(r.base_median); }},
    {"new_median", "likewise of the new run", [](R r) { return number_text(r.new_median); }},
    {"ratio", "new / base: Hodges–Lehmann shift of the logarithms, after the division",
     [](R r) { return number_text(r.ratio); }},
    {"ci_low",
     "95 % interval of the ratio, by inverting the Mann–Whitney test (exact to 50 trials in all); "
     "empty where there is none: 4 and 4 trials at least",
     [](R r) { return number_text(r.ci_low); }},
    {"ci_high", "its upper end", [](R r) { return number_text(r.ci_high); }},
    {"p_value", "Mann–Whitney test of ratio 1, two-sided",
     [](R r) { return number_text(r.p_value); }},
    {"q_value", "Benjamini–Hochberg, over all rows", [](R r) { return number_text(r.q_value); }},
    {"verdict", "as in comparisons.csv, against --threshold", [](R r) { return r.verdict; }},
    {"detectable_ratio", "the ratio that so many trials, with this spread, find with 95 % power",
     [](R r) { return number_text(r.detectable_ratio); }},
    {"more_repetitions", "of an inconclusive row: about how many more in each run would settle it",
     [](R r) { return r.more_repetitions ? std::to_string(*r.more_repetitions) : std::string(); }},
    {"remark",
     "why these trials are no ground for a verdict: bimodal, stolen CPU time, or runs of one side "
     "that differ as much as the sides do",
     [](R r) { return r.remark; }},
};

template <typename T>
nlohmann::json optional_json(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

// Cases of `some` that `others` lack.
std::vector<std::string> missing_from(const std::vector<Case>& others,
                                      const std::vector<Case>& some) {
  std::vector<std::string> names;
  for (const Case& c : some)
    if (std::none_of(others.begin(), others.end(), [&](const Case& o) { return o.name == c.name; }))
      names.push_back(c.name);
  return names;
}

std::string first_text(const RunSet::Run& run, std::string_view column) {
  return run.trials.rows().empty() ? "" : run.trials.text(run.trials.rows().front(), column);
}

std::vector<std::string> differences_between(const RunSet::Run& base, const RunSet::Run& now) {
  std::vector<std::string> lines;
  if (first_text(base, "experiment") != first_text(now, "experiment"))
    lines.push_back(fmt::format("experiment: {}, now {}", first_text(base, "experiment"),
                                first_text(now, "experiment")));
  if (base.directory.empty() || now.directory.empty()) return lines;
  for (std::string& line : environment_differences(base.directory, now.directory))
    lines.push_back(std::move(line));
  return lines;
}

}  // namespace

RunSet RunSet::read(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  RunSet set;
  const auto add = [&](const fs::path& directory, const fs::path& file) {
    try {
      set.runs_.push_back({directory, TrialTable::read(file)});
    } catch (const CsvError& e) {
      throw UsageError(e.what());
    }
  };
  for (const std::string& path : paths) {
    const std::size_t before = set.runs_.size();
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) {
      add({}, path);
    } else if (fs::exists(fs::path(path) / "trials.csv", ignored)) {
      add(path, fs::path(path) / "trials.csv");
    } else if (fs::is_directory(path, ignored)) {
      std::vector<fs::path> runs;
      for (const fs::directory_entry& entry : fs::directory_iterator(path))
        if (!entry.is_symlink() && fs::exists(entry.path() / "trials.csv", ignored))
          runs.push_back(entry.path());
      std::sort(runs.begin(), runs.end());
      for (const fs::path& run : runs) add(run, run / "trials.csv");
    }
    if (set.runs_.size() == before)
      throw UsageError(fmt::format(
          "{}: {}", path,
          fs::exists(path, ignored)
              ? "holds no run: name the directory of one (with its trials.csv), or one of runs"
              : "no such file or directory"));
  }
  return set;
}

RunSet RunSet::of(TrialTable trials) {
  RunSet set;
  set.runs_.push_back({{}, std::move(trials)});
  return set;
}

std::vector<Case> RunSet::cases() const {
  std::vector<Case> cases;
  for (const Run& run : runs_)
    for (const std::string& name : run.trials.cases())
      if (std::none_of(cases.begin(), cases.end(), [&](const Case& c) { return c.name == name; }))
        cases.push_back(case_named(name));
  return cases;
}

bool is_reference(const Case& c, const std::string& relative_to) {
  if (relative_to.empty()) return false;
  const Reference reference = reference_from(relative_to);
  if (reference.key == "workload") return c.workload == reference.value;
  const std::string* const value = axis_value(c, reference.key);
  return value && *value == reference.value;
}

ShiftRow compare_case(const std::string& metric, const std::string& case_name, const RunSet& base,
                      const RunSet& now, const std::string& relative_to,
                      const Strictness& strictness) {
  ShiftRow row;
  row.metric = metric;
  row.case_name = case_name;
  row.reference = reference_of(case_name, relative_to, now.cases());
  const Side before = side_of(base, metric, case_name, row.reference);
  const Side after = side_of(now, metric, case_name, row.reference);
  row.base_n = before.values.size();
  row.new_n = after.values.size();
  if (row.base_n > 0) row.base_median = median(before.values);
  if (row.new_n > 0) row.new_median = median(after.values);
  if (before.logs.empty() || after.logs.empty()) return row;
  const ShiftEstimate shift = estimate_shift(before.logs, after.logs, strictness.level);
  set_estimate(row, shift, strictness, 2);
  row.remark = remark_on("base", exponentials(before.logs), before.steal_ratios);
  if (row.remark.empty())
    row.remark = remark_on("new", exponentials(after.logs), after.steal_ratios);
  if (row.remark.empty())
    row.remark = remark_on_sessions(before, after, shift.center, strictness.threshold);
  return row;
}

RunComparison compare_runs(const RunSet& base, const RunSet& now,
                           const std::vector<std::string>& metrics, const std::string& relative_to,
                           const Strictness& strictness) {
  RunComparison comparison;
  const std::vector<Case> old_cases = base.cases(), new_cases = now.cases();
  comparison.only_base = missing_from(new_cases, old_cases);
  comparison.only_new = missing_from(old_cases, new_cases);
  bool has_reference = relative_to.empty();
  for (const Case& c : new_cases) {
    if (is_reference(c, relative_to)) {
      has_reference = true;
      continue;
    }
    if (std::find(comparison.only_new.begin(), comparison.only_new.end(), c.name) !=
        comparison.only_new.end())
      continue;
    if (!relative_to.empty() && reference_of(c.name, relative_to, new_cases).empty()) {
      comparison.unreferenced.push_back(c.name);
      continue;
    }
    for (const std::string& metric : metrics) {
      ShiftRow row = compare_case(metric, c.name, base, now, relative_to, strictness);
      if (row.base_n > 0 && row.new_n == 0) comparison.unmeasured.push_back(c.name + " " + metric);
      if (row.ratio) comparison.rows.push_back(std::move(row));
    }
  }
  if (!has_reference)
    throw UsageError(fmt::format("relative to '{}': no case of the new run has that", relative_to));
  judge_family(comparison.rows, strictness);
  comparison.differences = differences_between(base.runs().front(), now.runs().front());
  return comparison;
}

std::string shifts_csv(const std::vector<ShiftRow>& rows) {
  std::string text = csv_header(kColumns);
  for (const ShiftRow& row : rows) text += csv_line(kColumns, row);
  return text;
}

std::string run_comparison_json(const RunComparison& comparison) {
  nlohmann::ordered_json json;
  json["schema_version"] = kSchemaVersion;
  json["differences"] = comparison.differences;
  json["only_base"] = comparison.only_base;
  json["only_new"] = comparison.only_new;
  json["unmeasured"] = comparison.unmeasured;
  json["without_reference"] = comparison.unreferenced;
  json["rows"] = nlohmann::json::array();
  for (const ShiftRow& r : comparison.rows)
    json["rows"].push_back(nlohmann::ordered_json{
        {"metric", r.metric},
        {"case", r.case_name},
        {"reference", r.reference.empty() ? nlohmann::json(nullptr) : nlohmann::json(r.reference)},
        {"base_n", r.base_n},
        {"new_n", r.new_n},
        {"base_median", optional_json(r.base_median)},
        {"new_median", optional_json(r.new_median)},
        {"ratio", optional_json(r.ratio)},
        {"ci_low", optional_json(r.ci_low)},
        {"ci_high", optional_json(r.ci_high)},
        {"p_value", optional_json(r.p_value)},
        {"q_value", optional_json(r.q_value)},
        {"verdict", r.verdict},
        {"detectable_ratio", optional_json(r.detectable_ratio)},
        {"more_repetitions", optional_json(r.more_repetitions)},
        {"remark", r.remark}});
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string shift_columns_markdown() {
  return columns_markdown(kColumns);
}

}  // namespace pingperf
