#include "harness/report/junit.h"

#include <fmt/core.h>

#include <algorithm>

#include "harness/base/counted.h"
#include "harness/results/record.h"

namespace pingperf {
namespace {

using Outcome = JUnitCase::Outcome;

// Escapes the value of an attribute. Replaces control characters, which XML does not allow.
std::string escape_xml(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

std::string case_xml(const JUnitCase& c) {
  const std::string open = fmt::format(R"(    <testcase classname="{}" name="{}" time="{:.3f}")",
                                       escape_xml(c.suite), escape_xml(c.name), c.time_s);
  if (c.outcome == Outcome::passed) return open + "/>\n";
  return fmt::format("{}>\n      <{} message=\"{}\"/>\n    </testcase>\n", open,
                     c.outcome == Outcome::failed ? "failure" : "skipped", escape_xml(c.message));
}

std::string suite_xml(const std::string& suite, const std::vector<JUnitCase>& all) {
  std::string cases;
  std::size_t count = 0, failures = 0, skipped = 0;
  double time_s = 0;
  for (const JUnitCase& c : all) {
    if (c.suite != suite) continue;
    cases += case_xml(c);
    ++count;
    failures += c.outcome == Outcome::failed ? 1 : 0;
    skipped += c.outcome == Outcome::skipped ? 1 : 0;
    time_s += c.time_s;
  }
  return fmt::format(
      "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" "
      "time=\"{:.3f}\">\n{}  </testsuite>\n",
      escape_xml(suite), count, failures, skipped, time_s, cases);
}

// Returns the trials of one case as one test.
JUnitCase trials_of(const TrialTable& trials, const std::string& name) {
  JUnitCase c{.suite = "trials", .name = name};
  std::size_t broken = 0;
  const auto& rows = trials.rows_of(name);
  if (rows.empty()) {
    c.outcome = Outcome::skipped;
    c.message = "no trial of it was run";
  }
  for (std::size_t i : rows) {
    const auto& row = trials.rows()[i];
    c.time_s += trials.number(row, "elapsed_s").value_or(0);
    if (trials.is_ok(row)) continue;
    if (++broken == 1)
      c.message = fmt::format("repetition {} {}: {}", trials.text(row, "repetition"),
                              trials.text(row, "status"), trials.text(row, "error"));
  }
  if (broken == 0) return c;
  c.outcome = Outcome::failed;
  c.message = fmt::format("{} of {} {} not ok; {}", broken, counted(rows.size(), "trial"),
                          broken == 1 ? "was" : "were", c.message);
  return c;
}

}  // namespace

std::string junit_xml(const std::string& name, const std::vector<JUnitCase>& cases) {
  std::vector<std::string> suites;
  for (const JUnitCase& c : cases)
    if (std::find(suites.begin(), suites.end(), c.suite) == suites.end()) suites.push_back(c.suite);
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\">\n", escape_xml(name));
  for (const std::string& suite : suites) text += suite_xml(suite, cases);
  return text + "</testsuites>\n";
}

std::vector<JUnitCase> junit_of_run(const Experiment& experiment, const TrialTable& trials,
                                    const std::vector<Verdict>& gates) {
  std::vector<JUnitCase> cases;
  for (const Case& c : experiment.cases) cases.push_back(trials_of(trials, c.name));
  for (const Verdict& row : gates) {
    JUnitCase c{.suite = "gates"};
    c.name = fmt::format("{} {} {}", row.case_name, row.metric, bound_text(row));
    if (!row.baseline.empty()) c.name += " of " + row.baseline;
    c.message = fmt::format("{}: {}", name(row.decision), describe(row));
    if (row.decision != Decision::passed || !row.value)  // without a baseline, none was judged
      c.outcome = fails(row) ? Outcome::failed : Outcome::skipped;
    cases.push_back(std::move(c));
  }
  return cases;
}

std::vector<JUnitCase> junit_of(const RunComparison& comparison, const std::string& fail_on) {
  std::vector<JUnitCase> cases;
  const auto add = [&](const std::vector<std::string>& names, Outcome outcome,
                       const std::string& message) {
    for (const std::string& name : names) cases.push_back({"comparison", name, outcome, message});
  };
  const Outcome unproven = fail_on == "inconclusive" ? Outcome::failed : Outcome::skipped;
  add(comparison.unmeasured, Outcome::failed, "no trial of the new run has it");
  add(comparison.only_base, Outcome::failed, "the new run has no such case");
  add(comparison.failing, Outcome::failed, "more failures");
  add(comparison.unreferenced, unproven, "nothing is there to relate it to");
  for (const Verdict& row : comparison.rows) {
    JUnitCase c{.suite = "comparison"};
    c.name = fmt::format("{} {}", row.case_name, row.metric);
    c.message = describe(row);
    if (row.decision == Decision::slower)
      c.outcome = Outcome::failed;
    else if (row.decision == Decision::inconclusive)
      c.outcome = unproven;
    cases.push_back(std::move(c));
  }
  return cases;
}

}  // namespace pingperf
