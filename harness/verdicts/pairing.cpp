#include "harness/verdicts/pairing.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "harness/base/usage_error.h"
#include "harness/experiment/old_names.h"

namespace pingperf {
namespace {

// Returns true if the two have the same value on every axis that both have.
bool agree(const Case& a, const Case& b) {
  return std::all_of(a.axes.begin(), a.axes.end(), [&](const auto& axis) {
    const std::string* const other = axis_value(b, axis.first);
    return other == nullptr || *other == axis.second;
  });
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
  const std::string current = with_current_names(text);
  return {current.substr(0, equals), current.substr(equals + 1)};
}

}  // namespace

const std::string* axis_value(const Case& c, const std::string& axis) {
  for (const auto& [key, value] : c.axes)
    if (key == axis) return &value;
  return nullptr;
}

std::string rest_of(const Case& c, const std::string& axis) {
  std::vector<std::string> values;
  for (const auto& [key, value] : c.axes)
    if (key != axis) values.push_back(key + "=" + value);
  std::sort(values.begin(), values.end());
  return fmt::format("{}/{}", c.workload, fmt::join(values, "/"));
}

std::vector<CasePair> pairs_along_axis(const std::string& axis, const std::string& baseline,
                                       const CaseFilter& is_candidate,
                                       const std::vector<Case>& cases) {
  std::map<std::string, const Case*> baselines;
  for (const Case& c : cases)
    if (const std::string* const value = axis_value(c, axis); value && *value == baseline)
      baselines[rest_of(c, axis)] = &c;
  std::vector<CasePair> pairs;
  for (const Case& c : cases) {
    const std::string* const value = axis_value(c, axis);
    if (!value || *value == baseline || !is_candidate(c)) continue;
    const auto found = baselines.find(rest_of(c, axis));
    if (found != baselines.end()) pairs.push_back({c.name, found->second->name});
  }
  return pairs;
}

std::vector<CasePair> pairs_with_workload(const std::string& baseline,
                                          const CaseFilter& is_candidate,
                                          const std::vector<Case>& cases) {
  std::vector<CasePair> pairs;
  for (const Case& candidate : cases) {
    if (!is_candidate(candidate)) continue;
    for (const Case& other : cases)
      if (&candidate != &other && other.workload == baseline && agree(candidate, other))
        pairs.push_back({candidate.name, other.name});
  }
  return pairs;
}

std::string reference_of(const std::string& name, const std::string& relative_to,
                         const std::vector<Case>& cases) {
  const Reference reference = reference_from(relative_to);
  const auto is_it = [&](const Case& c) { return c.name == name; };
  const std::vector<CasePair> pairs =
      reference.key == "workload" ? pairs_with_workload(reference.value, is_it, cases)
                                  : pairs_along_axis(reference.key, reference.value, is_it, cases);
  if (pairs.size() > 1)
    throw UsageError(fmt::format("relative to '{}': for {} that may be {} or {}", relative_to, name,
                                 pairs[0].baseline, pairs[1].baseline));
  return pairs.empty() ? "" : pairs.front().baseline;
}

bool is_reference(const Case& c, const std::string& relative_to) {
  if (relative_to.empty()) return false;
  const Reference reference = reference_from(relative_to);
  if (reference.key == "workload") return c.workload == reference.value;
  const std::string* const value = axis_value(c, reference.key);
  return value && *value == reference.value;
}

}  // namespace pingperf
