#include "harness/report/report_headline.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>

#include "harness/base/counted.h"
#include "harness/base/json.h"
#include "harness/report/run_warnings.h"
#include "harness/report/search_table.h"
#include "harness/results/metric_text.h"
#include "harness/results/metrics.h"
#include "harness/results/record.h"
#include "harness/verdicts/links.h"

namespace pingperf {
namespace {

using Rating = Statement::Rating;

constexpr std::size_t kMaxSentences = 6;  // more comparisons are grouped

// A compared pair or case.
struct ComparedPair {
  const Verdict* verdict;
  std::string name;       // the compared case
  std::string reference;  // the case or run that it is compared with
  std::string trials;     // "20 pairs"
};

Rating mark_of(Decision decision) {
  return decision == Decision::faster         ? Rating::good
         : decision == Decision::slower       ? Rating::bad
         : decision == Decision::inconclusive ? Rating::open
                                              : Rating::plain;
}

// Returns "1.07", "28.3", "1290" or "0.013".
std::string ratio_text(double ratio) {
  if (ratio < 0.0995) return fmt::format("{:.2g}", ratio);
  return fmt::format("{:.{}f}", ratio, ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0);
}

// Returns a ratio, or a difference in the metric's unit.
std::string effect_text(const Verdict& v, double value) {
  return v.is_difference ? human_metric(v.metric, value) : ratio_text(value);
}

// Returns true if the verdict has a ratio or a difference.
bool has_effect(const Verdict& v) {
  return ratio_of(v) || (v.is_difference && v.value);
}

// Returns "engine=iperf3/streams=1" for "bulk/engine=iperf3/streams=1" and another name that begins
// with "bulk/".
std::string without_common_start(const std::string& name, const std::string& other) {
  std::size_t start = 0;
  for (std::size_t i = 0; i < std::min(name.size(), other.size()) && name[i] == other[i]; ++i)
    if (name[i] == '/') start = i + 1;
  return name.substr(start);
}

std::string capitalised(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

// Returns "goodput 0.97 × that of engine=iperf3, 95 % interval 0.96 to 0.98, 30 pairs".
std::string figures(const ComparedPair& s) {
  const Verdict& v = *s.verdict;
  std::string text = v.is_difference ? fmt::format("{} {} more than that of {}", title_of(v.metric),
                                                   effect_text(v, *v.value), s.reference)
                                     : fmt::format("{} {} × that of {}", title_of(v.metric),
                                                   effect_text(v, *v.value), s.reference);
  if (v.ci_low)
    text += fmt::format(", 95 % interval {} to {}", effect_text(v, *v.ci_low),
                        effect_text(v, *v.ci_high));
  return text + ", " + s.trials;
}

std::string sentence(const ComparedPair& s) {
  const Verdict& v = *s.verdict;
  if (v.decision == Decision::same) return fmt::format("{} is the same: {}.", s.name, figures(s));
  if (v.decision != Decision::inconclusive)
    return fmt::format("{} is {}: {}.", s.name, name(v.decision), figures(s));
  std::string why = "; inconclusive";
  if (!v.warning.empty())
    why = "; no verdict, since " + v.warning;
  else if (!v.ci_low)
    why = ", too few for a verdict, which takes six";
  else if (v.more_repetitions)
    why += fmt::format(": about {} more repetitions would do", *v.more_repetitions);
  else if (v.more_runs)
    why += fmt::format(": about {} more runs on each side would do", *v.more_runs);
  else if (is_too_noisy(v))
    why += ": too noisy for a change of 5 %";
  return fmt::format("{}: {}{}.", s.name, figures(s), why);
}

// Returns the largest changes of counters that came with the verdict, or "".
std::string detail_of(const Verdict& v) {
  constexpr std::size_t kMaxNamed = 3;
  if (v.counters.empty()) return "";
  const std::size_t others = v.counters.size() - std::min(kMaxNamed, v.counters.size());
  return fmt::format("Changed with it: {}{}.", counters_text(v.counters, kMaxNamed),
                     others > 0 ? fmt::format(", and {}", counted(others, "other counter")) : "");
}

// Returns ": from 1.07 × (a) to 28.3 × (b)", or ": 1.07 × (a)" for a single subject.
std::string range_of(const std::vector<ComparedPair>& subjects) {
  const auto [low, high] = std::minmax_element(subjects.begin(), subjects.end(),
                                               [](const ComparedPair& a, const ComparedPair& b) {
                                                 return *a.verdict->value < *b.verdict->value;
                                               });
  const auto one = [](const ComparedPair& s) {
    return fmt::format("{}{} ({})", effect_text(*s.verdict, *s.verdict->value),
                       s.verdict->is_difference ? "" : " ×", s.name);
  };
  if (subjects.size() == 1) return ": " + one(*low);
  return fmt::format(": from {} to {}", one(*low), one(*high));
}

// Returns one sentence per metric and verdict, for many comparisons.
std::vector<Statement> grouped(const std::vector<ComparedPair>& subjects,
                               const std::string& against) {
  std::vector<std::string> metrics;
  std::map<std::pair<std::string, Decision>, std::vector<ComparedPair>> groups;
  std::map<std::string, std::size_t> totals;
  for (const ComparedPair& s : subjects) {
    const std::string& metric = s.verdict->metric;
    if (totals[metric]++ == 0) metrics.push_back(metric);
    groups[{metric, s.verdict->decision}].push_back(s);
  }
  std::vector<Statement> statements;
  for (const std::string& metric : metrics)
    for (const Decision decision : {Decision::faster, Decision::higher, Decision::slower,
                                    Decision::lower, Decision::same, Decision::inconclusive}) {
      const auto group = groups.find({metric, decision});
      if (group == groups.end()) continue;
      const std::string_view words = decision == Decision::same ? "the same" : name(decision);
      statements.push_back(
          {mark_of(decision),
           fmt::format("{}: {} in {} of {} against {}{}.", capitalised(title_of(metric)), words,
                       group->second.size(), totals[metric], against, range_of(group->second))});
    }
  return statements;
}

// Returns one sentence per metric that has comparisons without a ratio or difference.
std::vector<Statement> unmeasured(const std::vector<ComparedPair>& subjects) {
  std::map<std::string, std::size_t> counts;
  for (const ComparedPair& s : subjects)
    if (!has_effect(*s.verdict)) ++counts[s.verdict->metric];
  std::vector<Statement> statements;
  for (const auto& [metric, count] : counts)
    statements.push_back(
        {Rating::open, fmt::format("{}: nothing to compare in {}.", capitalised(title_of(metric)),
                                   counted(count, "comparison"))});
  return statements;
}

std::vector<Statement> statements_of(const std::vector<ComparedPair>& all,
                                     const std::string& against) {
  std::vector<ComparedPair> subjects = all;
  std::erase_if(subjects, [](const ComparedPair& s) { return !has_effect(*s.verdict); });
  std::vector<Statement> statements;
  if (subjects.size() > kMaxSentences) {
    statements = grouped(subjects, against);
  } else {
    for (const ComparedPair& s : subjects)
      statements.push_back({mark_of(s.verdict->decision), sentence(s), detail_of(*s.verdict)});
  }
  for (Statement& s : unmeasured(all)) statements.push_back(std::move(s));
  return statements;
}

void add_comparisons(const ReportedRun& run, std::vector<Statement>& statements) {
  std::vector<ComparedPair> subjects;
  for (const Verdict& row : run.comparisons)
    subjects.push_back({&row, row.case_name, without_common_start(row.baseline, row.case_name),
                        counted(row.n, "pair")});
  for (Statement& s : statements_of(subjects, "the baseline")) {
    if (s.rating == Rating::good) s.rating = Rating::up;
    if (s.rating == Rating::bad) s.rating = Rating::down;
    statements.push_back(std::move(s));
  }
}

void add_gates(const ReportedRun& run, std::vector<Statement>& statements) {
  // Without a baseline, a gate has passed and has no value: none was judged.
  const auto is_held = [](const Verdict& row) {
    return row.decision == Decision::passed && row.value;
  };
  const auto add = [&](Decision decision, Rating mark, std::string_view words) {
    std::size_t count = 0;
    for (const Verdict& row : run.gates) {
      if (row.decision != decision || is_held(row) || ++count > kMaxSentences) continue;
      statements.push_back({mark, fmt::format("Gate {}: {}.", words, describe(row))});
    }
    if (count > kMaxSentences)
      statements.push_back(
          {mark, fmt::format("And {} more {}.", counted(count - kMaxSentences, "gate"), words)});
  };
  const auto kept = std::ranges::count_if(run.gates, is_held);
  const std::string all = counted(run.gates.size(), "gate");
  if (kept > 0 && static_cast<std::size_t>(kept) == run.gates.size())
    statements.push_back(
        {Rating::good, run.gates.size() == 1 ? "The gate held." : "All " + all + " held."});
  else if (kept > 0)
    statements.push_back({Rating::good, fmt::format("{} of {} held.", kept, all)});
  add(Decision::failed, Rating::bad, "failed");
  add(Decision::undecided, Rating::open, "not decided");
  add(Decision::passed, Rating::open, "not judged");
}

// The cases with the lowest and the highest median of a metric. Null without a case.
struct Extremes {
  const SummaryRow* low = nullptr;
  const SummaryRow* high = nullptr;
};

Extremes extremes_of(const ReportedRun& run, std::string_view metric) {
  Extremes extremes;
  for (const SummaryRow& row : run.summary) {
    if (row.metric != metric) continue;
    if (!extremes.low || row.median < extremes.low->median) extremes.low = &row;
    if (!extremes.high || row.median > extremes.high->median) extremes.high = &row;
  }
  return extremes;
}

void add_figures(const ReportedRun& run, std::vector<Statement>& statements) {
  const auto value = [](const SummaryRow& row) { return human_metric(row.metric, row.median); };
  for (const std::string_view metric : {"throughput_bps", "rtt_p50_ns"}) {
    const std::string subject = capitalised(title_of(metric));
    const auto [low, high] = extremes_of(run, metric);
    if (!low) continue;
    statements.push_back(
        {Rating::plain, low == high
                            ? fmt::format("{} of {}: {}.", subject, low->case_name, value(*low))
                            : fmt::format("{}: from {} ({}) to {} ({}).", subject, value(*low),
                                          low->case_name, value(*high), high->case_name)});
  }
}

// Names the links and hosts of a fleet that are behind the others.
void add_links(const ReportedRun& run, std::vector<Statement>& statements) {
  for (const LinkTable& table : link_tables(*run.experiment, run.summary))
    if (std::string text = links_behind(table); !text.empty())
      statements.push_back({Rating::bad, capitalised(std::move(text))});
}

void add_searches(const ReportedRun& run, std::vector<Statement>& statements) {
  for (const SearchResult& search : run.searches)
    statements.push_back({search.end == SearchEnd::precision ? Rating::plain : Rating::open,
                          fmt::format("{} keeps {} up to {}.", search.case_name,
                                      human_condition(search.keep), estimate_text(search)),
                          fmt::format("95 % interval {}, {}: {}", interval_text(search),
                                      counted(search.tried.size(), "trial"), search.explanation)});
}

void add_trials(const ReportedRun& run, std::vector<Statement>& statements) {
  std::size_t failed = 0, interrupted = 0, of_searches = 0, planned = 0;
  const std::size_t all = run.trials->rows().size();
  for (const Case& c : run.experiment->cases)
    if (!c.search) planned += run.experiment->plan.repetitions;
  for (const auto& row : run.trials->rows()) {
    if (!run.trials->text(row, "search").empty()) ++of_searches;
    const std::string_view status = run.trials->text(row, "status");
    if (status == name(Status::interrupted))
      ++interrupted;
    else if (status != name(Status::ok))
      ++failed;
  }
  if (failed > 0)
    statements.push_back(
        {Rating::bad, fmt::format("{} of {} failed: they are listed below, and left out of every "
                                  "figure.",
                                  failed, counted(all, "trial"))});
  planned += of_searches;
  if (all - interrupted < planned)
    statements.push_back({Rating::open, fmt::format("The run ended early: {} of {} were run.",
                                                    all - interrupted, counted(planned, "trial"))});
  if (all == 0) statements.push_back({Rating::open, "No trial was run."});
}

}  // namespace

std::string_view name(Statement::Rating mark) {
  switch (mark) {
    case Rating::good:
      return "good";
    case Rating::bad:
      return "bad";
    case Rating::up:
      return "up";
    case Rating::down:
      return "down";
    case Rating::open:
      return "open";
    case Rating::plain:
      break;
  }
  return "plain";
}

std::vector<Statement> headline(const ReportedRun& run) {
  std::vector<Statement> statements;
  add_gates(run, statements);
  add_comparisons(run, statements);
  add_figures(run, statements);
  add_links(run, statements);
  add_searches(run, statements);
  add_trials(run, statements);
  return statements;
}

std::vector<Statement> warning_statements(const std::vector<ReportedRun>& runs,
                                          const std::vector<Json>& environments) {
  constexpr std::size_t kMaxWarnings = 4;
  SubjectTexts findings, warnings;
  std::size_t trials = 0;
  for (const Json& environment : environments)
    std::ranges::copy(serious_findings(environment), std::back_inserter(findings));
  for (const ReportedRun& run : runs) {
    std::ranges::copy(trial_warnings(*run.trials), std::back_inserter(warnings));
    trials += run.trials->rows().size();
  }
  std::vector<Statement> statements;
  for (const SharedText& finding : shared_texts(findings))
    statements.push_back({Rating::open, fmt::format("Doctor, {}.", finding.text),
                          "Remedy: " + finding.subject + "."});
  std::vector<SharedText> shared = shared_texts(warnings);
  std::erase_if(shared, [](const SharedText& warning) { return warning.count < 2; });
  shared.resize(std::min(shared.size(), kMaxWarnings));
  for (const SharedText& warning : shared)
    statements.push_back({Rating::open, fmt::format("{} of {}: {}.", warning.count,
                                                    counted(trials, "trial"), warning.text)});
  return statements;
}

std::vector<Statement> headline(const RunComparison& change, const std::string& base,
                                const std::string& new_run) {
  std::vector<ComparedPair> subjects;
  for (const Verdict& row : change.rows)
    subjects.push_back({&row, fmt::format("{} in {}", row.case_name, new_run), base,
                        fmt::format("{} and {} trials", row.base_n, row.n)});
  std::vector<Statement> statements = statements_of(subjects, base);
  if (subjects.size() > kMaxSentences)  // else each sentence names its link
    for (const std::string& line : changed_links(change.rows))
      statements.push_back({Rating::plain, capitalised(line) + "."});
  if (subjects.empty())
    statements.push_back(
        {Rating::open, fmt::format("{} and {} have nothing in common to compare.", base, new_run)});
  for (const std::string& line : change.failing) statements.push_back({Rating::bad, line + "."});
  return statements;
}

}  // namespace pingperf
