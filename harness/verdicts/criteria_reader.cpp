#include "harness/verdicts/criteria_reader.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <set>
#include <unordered_set>
#include <utility>

#include "harness/base/counted.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/matrix.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/results/columns.h"
#include "harness/verdicts/own_columns_reader.h"
#include "harness/verdicts/pairing.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxEntries = 1000;  // per list

using Keys = std::vector<std::string_view>;

Keys views(const std::set<std::string>& set) {
  return Keys(set.begin(), set.end());
}

const Node& required(const Node& node, std::string_view key, std::string_view where) {
  const Node* const value = node.find(key);
  if (!value) fail_at(node.mark, fmt::format("{} has no {}", where, key));
  return *value;
}

const std::vector<Node>& entries_of(const Node& node, std::string_view what) {
  if (node.type != Node::Type::sequence)
    fail_at(node.mark, fmt::format("{} must be a list, not {}", what, describe(node.type)));
  if (node.items.size() > kMaxEntries)
    fail_at(node.mark, fmt::format("{} has more than {} entries", what, kMaxEntries));
  return node.items;
}

std::string read_metric(const Node& node) {
  const std::string& text = read_text(node, "metric");
  if (find_metric(text)) return text;
  const bool has_similar = similar_name(text, metric_names()).has_value();
  fail_at(node.mark, fmt::format("unknown metric '{}'{}", text,
                                 has_similar ? suggest(text, metric_names())
                                             : "; results/README.md lists them"));
}

// Returns true if trials of that kind can have the metric. Only the trials show whether
// they have a metric of MeasuredBy::any.
bool may_have(Kind kind, const std::string& metric) {
  const MeasuredBy by = find_metric(metric)->measured_by;
  return by == MeasuredBy::any || (by == MeasuredBy::transfers) == (kind == Kind::throughput);
}

std::string_view kinds_with(const Metric& metric) {
  return metric.measured_by == MeasuredBy::transfers ? "kind throughput"
                                                     : "kinds latency and connect";
}

double read_number(const Node& node, std::string_view what) {
  const std::string& text = read_text(node, what);
  if (const auto percent = parse_percent(text)) return *percent;
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || !(value >= 0 && value < 1e18))
    fail_at(node.mark, fmt::format("{}: '{}' is not a number: write e.g. 0.95 or 95%", what, text));
  return value;
}

// Reads a bound in the unit that ends the metric's name.
double read_bound(const Node& node, std::string_view what, const std::string& metric) {
  const std::string& text = read_text(node, what);
  const auto checked = [&](auto value, const std::string& suggestion) -> double {
    if (!value)
      fail_at(node.mark,
              fmt::format("{}: '{}' is no value of {}{}", what, text, metric, suggestion));
    return static_cast<double>(*value);
  };
  if (metric.ends_with("_bps"))
    return checked(parse_rate(text), suggest_rate(text, "100mbit or 1.5Gbit"));
  if (metric.ends_with("_ns"))
    return checked(parse_duration(text), suggest_duration(text, "200us or 5ms"));
  if (metric.ends_with("_bytes"))
    return checked(parse_size(text), suggest_size(text, "64KiB or 1MB"));
  if (metric.ends_with("_hz"))
    return checked(parse_frequency(text), suggest_frequency(text, "5000 or 5kHz"));
  return read_number(node, what);
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

class CriteriaReader {
 public:
  explicit CriteriaReader(const Experiment& experiment)
      : root_(experiment.source->root),
        folders_(experiment.source->folders),
        cases_(experiment.source->all_cases.empty() ? experiment.cases
                                                    : experiment.source->all_cases),
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
        errors.attempt([&] { criteria_.gates.push_back(read_gate(entry)); });
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
    const bool has_right_keys = read_keys(node, "compare", compare.metric, errors);
    errors.attempt([&] {
      const CaseFilter is_candidate = read_filter(node, compare.metric);
      if (!has_right_keys) return;
      required(node, "baseline", "compare");
      if (!node.find("axis") && !node.find("workload"))
        fail_at(node.mark, "compare needs an axis, or a workload and a baseline workload");
      compare.pairs = read_pairs(node, is_candidate);
    });
    errors.throw_if_any();
    if (compare.pairs.empty())
      fail_at(node.mark, "compare finds no two cases that agree in everything else");
    return compare;
  }

  // Checks the keys of an entry and reads its metric, which stays empty if it is wrong. Returns
  // false if a key is wrong: what depends on other keys would be wrong too.
  static bool read_keys(const Node& node, std::string_view where, std::string& metric,
                        ErrorList& errors) {
    const std::string_view section = where == "compare" ? "compare" : "gate";
    const bool are_right = errors.attempt([&] { check_keys(node, where, keys_of(section)); });
    if (are_right || node.find("metric"))
      errors.attempt([&] { metric = read_metric(required(node, "metric", where)); });
    return are_right;
  }

  Gate read_gate(const Node& node) {
    Gate gate;
    ErrorList errors;
    const bool has_right_keys = read_keys(node, "a gate", gate.metric, errors);
    const bool has_pairs = errors.attempt([&] {
      const CaseFilter is_candidate = read_filter(node, gate.metric);
      if (!has_right_keys) return;
      gate.pairs = read_gated(node, is_candidate);
      if (const Node* const n = node.find("against")) read_against(gate, node, *n);
    });
    errors.read_key(node, "missing", [&](const Node& n) { gate.missing_passes = read_missing(n); });
    if (has_right_keys && has_pairs && !gate.metric.empty()) read_bounds(gate, node, errors);
    if (has_right_keys) check_bounds(gate, node, errors);
    errors.read_key(node, "inconclusive",
                    [&](const Node& n) { gate.bound.inconclusive = read_inconclusive(n); });
    errors.throw_if_any();
    return gate;
  }

  std::vector<CasePair> read_gated(const Node& node, const CaseFilter& is_candidate) {
    std::vector<CasePair> pairs;
    if (node.find("axis") || node.find("baseline")) {
      if (const Node* const against = node.find("against"))
        fail_at(against->mark,
                "a gate has a baseline in this run or one in a stored run, not both");
      if (!node.find("axis") && !node.find("workload"))
        fail_at(node.mark,
                "a gate with a baseline needs an axis, or a workload and a baseline "
                "workload");
      required(node, "baseline", "a gate with an axis");
      pairs = read_pairs(node, is_candidate);
    } else {
      if (const Node* const candidate = node.find("candidate"))
        fail_at(candidate->mark, "candidate is a value of an axis: add axis and baseline");
      for (const Case& c : cases_)
        if (is_candidate(c)) pairs.push_back({c.name, ""});
    }
    if (pairs.empty()) fail_at(node.mark, "this gate has no case to judge");
    return pairs;
  }

  void read_against(Gate& gate, const Node& node, const Node& against) const {
    gate.against = read_text(against, "against");
    gate.against_path = (folders_.of(against.mark) / gate.against).string();
    gate.against_place = against.mark.to_string();
    if (const Node* const n = node.find("relative_to")) read_references(gate, *n);
  }

  static bool read_missing(const Node& node) {
    static constexpr std::string_view choices[] = {"fail", "pass"};
    const std::string& text = read_text(node, "missing");
    if (std::ranges::find(choices, text) == std::end(choices))
      fail_at(node.mark, fmt::format("unknown missing '{}'{}", text, suggest(text, choices)));
    return text == "pass";
  }

  // Sets the reference of each case. Removes the references themselves from the judged cases.
  void read_references(Gate& gate, const Node& node) const {
    if (node.type != Node::Type::map || node.entries.size() != 1)
      fail_at(node.mark, "relative_to must be one axis and its value, e.g. {engine: iperf3}");
    const std::string relative_to = node.entries[0].key + "=" + value_text(node.entries[0].value);
    for (const Case& c : cases_)
      if (is_reference(c, relative_to))
        std::erase_if(gate.pairs, [&](const CasePair& pair) { return pair.candidate == c.name; });
    if (gate.pairs.empty())
      fail_at(node.mark, "relative_to leaves no case to judge: each is a reference itself");
    for (CasePair& pair : gate.pairs) {
      try {
        pair.baseline = reference_of(pair.candidate, relative_to, cases_);
      } catch (const UsageError& e) {
        fail_at(node.mark, e.what());
      }
      if (pair.baseline.empty())
        fail_at(node.mark, fmt::format("relative_to: no case of {} stands beside '{}'", relative_to,
                                       pair.candidate));
    }
  }

  // Requires the pairs: the bound of a gate with a baseline is a ratio.
  static void read_bounds(Gate& gate, const Node& node, ErrorList& errors) {
    const auto read = [&](std::string_view key, std::optional<double>& bound) {
      errors.read_key(node, key, [&](const Node& n) {
        bound = gate.bounds_ratio() ? read_number(n, key) : read_bound(n, key, gate.metric);
      });
    };
    read("at_least", gate.bound.at_least);
    read("at_most", gate.bound.at_most);
  }

  static void check_bounds(const Gate& gate, const Node& node, ErrorList& errors) {
    if (!node.find("at_least") && !node.find("at_most"))
      errors.add_at(node.mark, "a gate needs a bound: at_least or at_most");
    if (gate.bound.at_least && gate.bound.at_most && *gate.bound.at_least > *gate.bound.at_most)
      errors.add_at(node.mark, "at_least is above at_most: nothing would pass");
    for (const char* const key : {"relative_to", "missing"})
      if (const Node* const n = node.find(key); n && !node.find("against"))
        errors.add_at(n->mark, fmt::format("{} goes with against, a stored run", key));
  }

  Inconclusive read_inconclusive(const Node& node) const {
    static constexpr std::string_view choices[] = {"pass", "fail", "repeat"};
    const std::string& text = read_text(node, "inconclusive");
    if (text == "pass") return Inconclusive::pass;
    if (text == "fail") return Inconclusive::fail;
    if (text != "repeat")
      fail_at(node.mark, fmt::format("unknown inconclusive '{}'{}", text, suggest(text, choices)));
    if (!find_until())
      fail_at(node.mark,
              "inconclusive: repeat needs to know how often: add until: {at_most: 40} to plan");
    return Inconclusive::repeat;
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

  // Returns a filter for the cases that `workload` and `where` name and that may have the metric.
  // An empty metric is ignored.
  CaseFilter read_filter(const Node& node, const std::string& metric) const {
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

  void check_where(const Node& where) const {
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
  std::vector<std::string_view> keys_of_cases() const {
    std::vector<std::string_view> keys = {"kind", "transport", "engine"};
    for (const Parameter& p : parameters()) {
      const std::string_view key = p.name.substr(0, p.name.find('.'));
      if (keys.back() != key &&
          std::ranges::any_of(cases_, [&](const Case& c) { return is_set(*c.options, p); }))
        keys.push_back(key);
    }
    return keys;
  }

  std::string read_workload(const Node& node) const {
    const std::string& text = read_text(node, "workload");
    Keys known;
    for (const Node::Entry& entry : root_.find("workloads")->entries) known.push_back(entry.key);
    if (std::find(known.begin(), known.end(), text) == known.end())
      fail_at(node.mark, fmt::format("unknown workload '{}'{}", text, suggest(text, known)));
    return text;
  }

  // Returns the pairs along `axis` with its baseline value, or with the baseline workload.
  std::vector<CasePair> read_pairs(const Node& node, const CaseFilter& is_candidate) const {
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
  void check_axis_value(const std::string& key, const Node& axis, std::string_view what,
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

  const Node& root_;
  const Folders& folders_;
  const std::vector<Case>& cases_;
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

// Throws UsageError if the stored run lacks a case that its gate requires. With `missing: pass`,
// moves the pair to those without a baseline.
void check_cases_of(Gate& gate) {
  const std::vector<Case> stored = gate.stored->cases();
  const auto is_missing = [&](const std::string& name) {
    return !name.empty() && std::ranges::find(stored, name, &Case::name) == stored.end();
  };
  std::erase_if(gate.pairs, [&](const CasePair& pair) {
    for (const std::string& name : {pair.candidate, pair.baseline}) {
      if (!is_missing(name)) continue;
      if (!gate.missing_passes)
        throw UsageError(
            fmt::format("{}: against: that run has no case '{}': with missing: pass, the gate "
                        "would pass until it has",
                        gate.against_place, name));
      gate.without_baseline.push_back(pair);
      return true;
    }
    return false;
  });
}

// Returns true if there is nothing at the path, or only an empty directory. A glob is there if it
// matches anything. A folder that cannot be read may have something.
bool is_nothing(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::directory) return std::filesystem::is_empty(path, error);
  if (type != std::filesystem::file_type::not_found) return false;
  const auto is_unreadable = [](const char*, int reason) {
    return reason != ENOENT && reason != ENOTDIR ? 1 : 0;
  };
  glob_t found{};
  const bool none = ::glob(path.c_str(), 0, is_unreadable, &found) == GLOB_NOMATCH;
  ::globfree(&found);
  return none;
}

// Returns a hint for a path that counts from the current folder instead of that of the file.
std::string hint_of_folder(const Gate& gate) {
  const std::filesystem::path folder =
      gate.against_path.substr(0, gate.against_path.size() - gate.against.size());
  if (folder.empty() || is_nothing(gate.against)) return "";
  const std::filesystem::path right =
      std::filesystem::absolute(gate.against).lexically_normal().lexically_relative(folder);
  return right == gate.against
             ? ""
             : fmt::format(" (a path counts from the folder of its file: write {})",
                           right.string());
}

void open_stored_runs(Criteria& criteria) {
  for (Gate& gate : criteria.gates) {
    if (gate.against.empty()) continue;
    if (gate.missing_passes && is_nothing(gate.against_path) && hint_of_folder(gate).empty()) {
      gate.without_baseline = std::exchange(gate.pairs, {});
      continue;
    }
    try {
      gate.stored = std::make_shared<const RunSet>(RunSet::read({gate.against_path}));
      if (gate.stored->cases().empty()) throw UsageError(gate.against_path + ": has no trial");
    } catch (const UsageError& e) {
      const std::string hint = hint_of_folder(gate);
      const bool is_first = hint.empty() && is_nothing(gate.against_path);
      throw UsageError(fmt::format("{}: against: {}{}", gate.against_place, e.what(),
                                   is_first ? ": with missing: pass, the first run passes" : hint));
    }
    check_cases_of(gate);
  }
}

// Throws UsageError if a program's result is no column, or one that pingperf measures itself.
void check_results(const Program& program) {
  for (const auto& [column, place] : program.figure_places) {
    if (!find_metric(column))
      throw UsageError(fmt::format("{}: {}", place, unknown_metric(column)));
    if (!is_reportable(column))
      throw UsageError(
          fmt::format("{}: result '{}': pingperf measures this itself", place, column));
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
  const std::size_t more = names.size() - std::min(names.size(), kMaxNames);
  names.resize(names.size() - more);
  return fmt::format("--only leaves out {}: {}{}", fmt::join(counts, " and "),
                     fmt::join(names, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace pingperf
