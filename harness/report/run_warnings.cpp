#include "harness/report/run_warnings.h"

#include <fmt/core.h>

#include <algorithm>

#include "harness/base/json.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxKinds = 5;  // of warnings, and of errors

std::string subject_of(const TrialTable& trials, const TrialTable::Row& row) {
  return fmt::format("{} #{}", trials.text(row, "case"), trials.text(row, "repetition"));
}

SubjectTexts trial_errors(const TrialTable& trials) {
  SubjectTexts texts;
  for (const auto& row : trials.rows())
    if (!trials.is_ok(row))
      texts.emplace_back(subject_of(trials, row), fmt::format("{}: {}", trials.text(row, "status"),
                                                              trials.text(row, "error")));
  return texts;
}

void add_findings(const Json& session, SubjectTexts& texts) {
  for (const Json& host : session.value("doctor", Json::array()))
    for (const Json& finding : host.value("findings", Json::array()))
      if (finding.value("severity", "") == "serious")
        texts.emplace_back(
            finding.value("remedy", ""),
            fmt::format("{}: {}", host.value("host", ""), finding.value("what", "")));
}

}  // namespace

SubjectTexts serious_findings(const Json& environment) try {
  SubjectTexts texts;
  if (!environment.is_object()) return texts;
  add_findings(environment, texts);
  for (const Json& session : environment.value("resumed", Json::array()))
    add_findings(session, texts);
  return texts;
} catch (const Json::exception&) {
  return {};  // a damaged file has no findings
}

SubjectTexts trial_warnings(const TrialTable& trials) {
  SubjectTexts texts;
  for (const auto& row : trials.rows())
    for (std::string_view rest = trials.text(row, "quality"); !rest.empty();) {
      const std::size_t end = std::min(rest.find("; "), rest.size());
      texts.emplace_back(subject_of(trials, row), rest.substr(0, end));
      rest.remove_prefix(std::min(end + 2, rest.size()));
    }
  return texts;
}

std::string warnings_text(const TrialTable& trials, const Json& environment) {
  std::string text;
  for (const SharedText& finding : shared_texts(serious_findings(environment)))
    text += fmt::format("doctor: {}\n", finding.text);
  const std::size_t all = trials.rows().size();
  return text + shared_lines(shared_texts(trial_errors(trials)), all, "trials", kMaxKinds) +
         shared_lines(shared_texts(trial_warnings(trials)), all, "trials", kMaxKinds);
}

}  // namespace pingperf
