#include "harness/verdicts/case_selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "harness/base/suggest.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/matrix.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/results/columns.h"
#include "harness/verdicts/criteria_values.h"

namespace pingperf {
namespace {

using Keys = std::vector<std::string_view>;

Keys views(const std::set<std::string>& set) {
  return Keys(set.begin(), set.end());
}

bool is_of_pair(const Case& c, const std::string& pair) {
  return std::ranges::find(c.axes, std::pair(std::string("pair"), pair)) != c.axes.end();
}

// Returns true if the case has the parameters of `where`, from whichever part of the file they
// came.
bool has_values(const Case& c, const Node& where) {
  return std::all_of(where.entries.begin(), where.entries.end(), [&](const Node::Entry& entry) {
    if (entry.key == "variant") return c.variant && c.variant->name == value_text(entry.value);
    if (entry.key == "pair") return is_of_pair(c, value_text(entry.value));
    Options wanted;
    const std::vector<std::string> names = assign(wanted, entry.key, entry.value);
    const Options& o = *c.options;
    if (entry.key == "kind") return o.kind == wanted.kind;
    if (entry.key == "transport") return o.transport == wanted.transport;
    if (entry.key == "engine") return o.engine == wanted.engine;
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return std::visit([&](auto field) { return o.*field == wanted.*field; },
                        find_parameter(name)->field);
    });
  });
}

}  // namespace

CaseFilter CaseSelector::filter(const Node& node, const std::string& metric) const {
  std::optional<std::string> workload;
  const Node* const where = node.find("where");
  ErrorList errors;
  errors.read_key(node, "workload", [&](const Node& n) { workload = read_workload(n); });
  errors.read_key(node, "where", [&](const Node& n) { check_where(n); });
  errors.throw_if_any();
  const CaseFilter is_named = [workload, where](const Case& c) {
    return (!workload || c.workload == *workload) && (!where || has_values(c, *where));
  };
  const auto& cases = cases_;
  if (where && std::none_of(cases.begin(), cases.end(), is_named))
    fail_at(where->mark, "where: no case is like that");
  if (metric.empty()) return is_named;
  const CaseFilter is_searched = [is_named](const Case& c) { return is_named(c) && c.search; };
  CaseFilter is_measured = [is_named, metric](const Case& c) {
    return is_named(c) && !c.search && may_have(c.options->kind, metric);
  };
  if (std::any_of(cases.begin(), cases.end(), is_searched) &&
      std::none_of(cases.begin(), cases.end(), is_measured))
    fail_at(node.find("metric")->mark,
            fmt::format("the trials of a searched case differ in what is searched: their {} has "
                        "no median to judge",
                        metric));
  if (std::none_of(cases.begin(), cases.end(), is_measured))
    fail_at(node.find("metric")->mark, fmt::format("no such case has {}: it is a metric of {}",
                                                   metric, kinds_with(*find_metric(metric))));
  return is_measured;
}

void CaseSelector::check_where(const Node& where) const {
  const auto with_axes = [](std::vector<std::string_view> keys) {
    keys.insert(keys.end(), {"variant", "pair"});
    return keys;
  };
  check_keys(where, "where", with_axes(assignable_keys()), with_axes(keys_of_cases()));
  if (where.entries.empty()) fail_at(where.mark, "where without keys says nothing");
  ErrorList::for_each(where.entries, [](const Node::Entry& entry) {
    Options scratch;
    if (entry.key != "variant" && entry.key != "pair") assign(scratch, entry.key, entry.value);
  });
}

// Returns the assignable keys that some case has.
std::vector<std::string_view> CaseSelector::keys_of_cases() const {
  std::vector<std::string_view> keys = {"kind", "transport", "engine"};
  for (const Parameter& p : parameters()) {
    const std::string_view key = p.name.substr(0, p.name.find('.'));
    if (keys.back() != key &&
        std::ranges::any_of(cases_, [&](const Case& c) { return is_set(*c.options, p); }))
      keys.push_back(key);
  }
  return keys;
}

std::string CaseSelector::read_workload(const Node& node) const {
  const std::string& text = read_text(node, "workload");
  Keys known;
  for (const Node::Entry& entry : root_.find("workloads")->entries) known.push_back(entry.key);
  if (std::find(known.begin(), known.end(), text) == known.end())
    fail_at(node.mark, fmt::format("unknown workload '{}'{}", text, suggest(text, known)));
  return text;
}

std::vector<CasePair> CaseSelector::pairs(const Node& node, const CaseFilter& is_candidate) const {
  const Node& baseline = *node.find("baseline");
  const Node* const axis = node.find("axis");
  const Node* const candidate = node.find("candidate");
  if (!axis) {
    if (candidate) fail_at(candidate->mark, "candidate is a value of an axis: add the axis");
    check_keys(baseline, "baseline", {"workload"});
    const std::string other = read_workload(required(baseline, "workload", "baseline"));
    if (other == node.find("workload")->scalar)
      fail_at(baseline.mark,
              fmt::format("workload '{}' is compared with itself: name another as its baseline",
                          other));
    return pairs_with_workload(other, is_candidate, cases_);
  }
  const std::string key = read_text(*axis, "axis");
  ErrorList errors;
  errors.attempt([&] { check_axis_value(key, *axis, "baseline", baseline, node); });
  if (candidate)
    errors.attempt([&] { check_axis_value(key, *axis, "candidate", *candidate, node); });
  errors.throw_if_any();
  return pairs_along_axis(
      key, value_text(baseline),
      [&](const Case& c) {
        return is_candidate(c) && (!candidate || *axis_value(c, key) == value_text(*candidate));
      },
      cases_);
}

// Throws UsageError unless the axis is a key of a matrix and the value is one of its values.
void CaseSelector::check_axis_value(const std::string& key, const Node& axis, std::string_view what,
                                    const Node& value, const Node& entry) const {
  const Node* const workload = entry.find("workload");
  std::set<std::string> keys, values;
  for (const Case& c : cases_) {
    if (workload && c.workload != workload->scalar) continue;
    for (const auto& [name, text] : c.axes) {
      keys.insert(name);
      if (name == key) values.insert(text);
    }
  }
  if (keys.empty()) fail_at(axis.mark, "axis: no workload has a matrix to compare along");
  if (!keys.contains(key))
    fail_at(axis.mark,
            fmt::format("axis '{}' is no key of a matrix{}", key, suggest(key, views(keys))));
  if (!values.contains(value_text(value)))
    fail_at(value.mark, fmt::format("{} '{}' is no value of {}{}", what, value_text(value), key,
                                    suggest(value_text(value), views(values))));
}

}  // namespace pingperf
