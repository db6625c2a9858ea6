#include "harness/verdicts/criteria_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "harness/base/counted.h"
#include "harness/base/suggest.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/results/columns.h"
#include "harness/verdicts/case_selector.h"
#include "harness/verdicts/criteria_values.h"
#include "harness/verdicts/gate_reader.h"
#include "harness/verdicts/own_columns_reader.h"
#include "harness/verdicts/pairing.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxEntries = 1000;  // per list

const std::vector<Node>& entries_of(const Node& node, std::string_view what) {
  if (node.type != Node::Type::sequence)
    fail_at(node.mark, fmt::format("{} must be a list, not {}", what, describe(node.type)));
  if (node.items.size() > kMaxEntries)
    fail_at(node.mark, fmt::format("{} has more than {} entries", what, kMaxEntries));
  return node.items;
}

class CriteriaReader {
 public:
  explicit CriteriaReader(const Experiment& experiment)
      : root_(experiment.source->root),
        folders_(experiment.source->folders),
        cases_(experiment.source->all_cases.empty() ? experiment.cases
                                                    : experiment.source->all_cases),
        selector_(root_, cases_),
        repetitions_(experiment.plan.repetitions) {}

  Criteria read() {
    criteria_.repetitions = repetitions_;
    ErrorList errors;
    if (const Node* const compare = root_.find("compare"))
      for (const Node& entry : entries_of(*compare, "compare"))
        errors.attempt([&] { criteria_.compare.push_back(read_comparison(entry)); });
    compare_loaded_with_idle();
    if (const Node* const until = find_until(); until && errors.empty())
      errors.attempt([&] { read_until(*until); });
    if (const Node* const gates = root_.find("gates"))
      for (const Node& entry : entries_of(*gates, "gates"))
        errors.attempt([&] {
          criteria_.gates.push_back(read_gate(entry, selector_, folders_, find_until() != nullptr));
        });
    for (const Case& c : cases_)
      if (c.search)
        errors.attempt([&] { criteria_.searches.push_back({c.name, read_conditions(c)}); });
    errors.throw_if_any();
    return std::move(criteria_);
  }

 private:
  std::vector<Condition> read_conditions(const Case& c) const {
    const Node& keep = *root_.find("workloads")->find(c.workload)->find("search")->find("keep");
    std::vector<Condition> conditions;
    ErrorList::for_each(keep.entries, [&](const Node::Entry& entry) {
      const std::optional<Column> metric = find_metric(entry.key);
      if (!metric) fail_at(entry.mark, unknown_metric(entry.key));
      if (metric->better == Better::neither)
        fail_at(entry.mark, fmt::format("keep: neither higher nor lower {} is better, so it has no "
                                        "bound to keep",
                                        entry.key));
      if (!may_have(c.options->kind, entry.key))
        fail_at(entry.mark, fmt::format("keep: case '{}' has no {}: it is a metric of {}", c.name,
                                        entry.key, kinds_with(*metric)));
      conditions.push_back(
          {entry.key, read_bound(entry.value, "keep", entry.key), metric->better == Better::lower});
    });
    return conditions;
  }

  // Adds the comparison of each case under load with the same case without load.
  void compare_loaded_with_idle() {
    if (std::ranges::none_of(cases_, [](const Case& c) { return c.background != nullptr; })) return;
    const auto loads_pings = [](const Case& c) {
      return c.background && !c.search && c.options->kind != Kind::throughput;
    };
    const auto loads_frames = [](const Case& c) {
      return c.background && !c.search && c.options->kind == Kind::throughput;
    };
    const auto add = [&](const char* metric, bool (*is_loaded)(const Case&)) {
      if (auto pairs = pairs_along_axis("load", "idle", is_loaded, cases_); !pairs.empty())
        criteria_.compare.push_back({metric, std::move(pairs)});
    };
    add("rtt_p50_ns", loads_pings);
    add("rtt_p99_ns", loads_pings);
    add("frame_p50_ns", loads_frames);
    add("frames_late", loads_frames);
    add("frames_dropped", loads_frames);
  }

  Compare read_comparison(const Node& node) {
    Compare compare;
    ErrorList errors;
    const bool has_right_keys = read_entry_keys(node, "compare", compare.metric, errors);
    errors.attempt([&] {
      const CaseFilter is_candidate = selector_.filter(node, compare.metric);
      if (!has_right_keys) return;
      required(node, "baseline", "compare");
      if (!node.find("axis") && !node.find("workload"))
        fail_at(node.mark, "compare needs an axis, or a workload and a baseline workload");
      compare.pairs = selector_.pairs(node, is_candidate);
    });
    errors.throw_if_any();
    if (compare.pairs.empty())
      fail_at(node.mark, "compare finds no two cases that agree in everything else");
    return compare;
  }

  const Node* find_until() const {
    const Node* const plan = root_.find("plan");
    return plan ? plan->find("until") : nullptr;
  }

  void read_until(const Node& node) {
    Until until;
    ErrorList errors;
    const bool has_right_keys =
        errors.attempt([&] { check_keys(node, "until", keys_of("until")); });
    if (has_right_keys) {
      errors.attempt([&] { required(node, "at_most", "until"); });
      if (node.find("metric")) errors.attempt([&] { required(node, "relative_ci", "until"); });
    }
    errors.read_key(node, "metric", [&](const Node& n) {
      const bool is_list = n.type == Node::Type::sequence;
      ErrorList::for_each(is_list ? n.items : std::vector<Node>{n},
                          [&](const Node& item) { until.metrics.push_back(read_metric(item)); });
    });
    errors.read_key(node, "relative_ci", [&](const Node& n) {
      if (has_right_keys && !node.find("metric"))
        fail_at(n.mark, "relative_ci of what? add e.g. metric: throughput_bps");
      read_width(until, n);
    });
    errors.read_key(node, "at_most", [&](const Node& n) { until.at_most = read_max_blocks(n); });
    if (errors.empty()) errors.read_key(node, "of", [&](const Node& n) { read_subject(until, n); });
    errors.throw_if_any();
    criteria_.until = until;
  }

  // Returns the maximum of blocks.
  std::uint64_t read_max_blocks(const Node& node) const {
    const std::uint64_t blocks = read_key_count(node, "until", "at_most");
    if (blocks < repetitions_)
      fail_at(node.mark,
              fmt::format("at_most: {} {} fewer than the {} repetitions", counted(blocks, "block"),
                          blocks == 1 ? "is" : "are", repetitions_));
    if (blocks * cases_.size() > kMaxTrials)
      fail_at(node.mark, fmt::format("at_most: {} blocks of {} cases are more than {} trials",
                                     blocks, cases_.size(), kMaxTrials));
    return blocks;
  }

  static void read_width(Until& until, const Node& node) {
    until.relative_ci = read_number(node, "relative_ci");
    if (until.relative_ci <= 0 || until.relative_ci >= 1)
      fail_at(node.mark,
              "relative_ci is half the interval's width as a share of the estimate: "
              "write e.g. 2%");
  }

  void read_subject(Until& until, const Node& node) const {
    static constexpr std::string_view choices[] = {"cases", "comparisons"};
    const std::string& text = read_text(node, "of");
    until.of_comparisons = text == choices[1];
    if (text != choices[0] && text != choices[1])
      fail_at(node.mark, fmt::format("of: unknown '{}'{}", text, suggest(text, choices)));
    for (const std::string& metric : until.metrics)
      if (until.of_comparisons &&
          std::none_of(criteria_.compare.begin(), criteria_.compare.end(),
                       [&](const Compare& c) { return c.metric == metric; }))
        fail_at(node.mark, fmt::format("of: comparisons: nothing compares {}", metric));
  }

  const Node& root_;
  const Folders& folders_;
  const std::vector<Case>& cases_;
  const CaseSelector selector_;
  const std::uint64_t repetitions_;
  Criteria criteria_;
};

using Names = std::unordered_set<std::string_view>;

// Removes the pairs that lack one of their cases, then the entries without pairs. Returns the names
// of the removed pairs.
template <typename Judged>
std::vector<std::string> drop_broken(std::vector<Judged>& entries, const Names& cases) {
  const auto is_there = [&](const std::string& name) {
    return name.empty() || cases.contains(name);  // a gate's case may have no baseline
  };
  std::vector<std::string> dropped;
  for (Judged& entry : entries)
    std::erase_if(entry.pairs, [&](const CasePair& pair) {
      if (is_there(pair.candidate) && is_there(pair.baseline)) return false;
      dropped.push_back(fmt::format("{} of {}{}{}", entry.metric, pair.candidate,
                                    pair.baseline.empty() ? "" : " to ", pair.baseline));
      return true;
    });
  std::erase_if(entries, [](const Judged& entry) { return entry.pairs.empty(); });
  return dropped;
}

// Throws UsageError if a program's result is no column, or one that pingperf measures itself.
void check_results(const Program& program) {
  for (const auto& [column, location] : program.figure_locations) {
    if (!find_metric(column))
      throw UsageError(fmt::format("{}: {}", location, unknown_metric(column)));
    if (!is_reportable(column))
      throw UsageError(
          fmt::format("{}: result '{}': pingperf measures this itself", location, column));
  }
}

}  // namespace

Criteria read_criteria(const Experiment& experiment, StoredRuns stored_runs) {
  for (const auto& program : experiment.programs) check_results(*program);
  Criteria criteria = CriteriaReader(experiment).read();
  Names names;
  for (const Case& c : experiment.cases) names.insert(c.name);
  criteria.comparisons_without_cases = drop_broken(criteria.compare, names);
  criteria.gates_without_cases = drop_broken(criteria.gates, names);
  criteria.own_columns = read_own_columns(experiment, criteria);
  std::erase_if(criteria.searches,
                [&](const SearchCriterion& search) { return !names.contains(search.case_name); });
  if (stored_runs == StoredRuns::open)
    open_stored_runs(criteria);
  else
    criteria.gates_left_out =
        std::erase_if(criteria.gates, [](const Gate& gate) { return !gate.against.empty(); });
  return criteria;
}

std::optional<std::string> left_out_by_only(const Criteria& criteria) {
  constexpr std::size_t kMaxNames = 8;
  std::vector<std::string> counts, names;
  for (const auto& [dropped, noun] : {std::pair(&criteria.gates_without_cases, "gate"),
                                      std::pair(&criteria.comparisons_without_cases, "comparison")})
    if (!dropped->empty()) {
      counts.push_back(counted(dropped->size(), noun));
      names.insert(names.end(), dropped->begin(), dropped->end());
    }
  if (names.empty()) return std::nullopt;
  return fmt::format("--only leaves out {}: {}", fmt::join(counts, " and "),
                     listed(names, kMaxNames));
}

}  // namespace pingperf
