#include "harness/verdicts/gate_reader.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "harness/base/usage_error.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/matrix.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/verdicts/criteria_values.h"
#include "harness/verdicts/pairing.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {
namespace {

class GateReader {
 public:
  GateReader(const CaseSelector& cases, const Folders& folders, bool may_repeat)
      : cases_(cases), folders_(folders), may_repeat_(may_repeat) {}

  Gate read(const Node& node) {
    Gate gate;
    ErrorList errors;
    const bool has_right_keys = read_entry_keys(node, "a gate", gate.metric, errors);
    const bool has_pairs = errors.attempt([&] {
      const CaseFilter is_candidate = cases_.filter(node, gate.metric);
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

 private:
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
      pairs = cases_.pairs(node, is_candidate);
    } else {
      if (const Node* const candidate = node.find("candidate"))
        fail_at(candidate->mark, "candidate is a value of an axis: add axis and baseline");
      for (const Case& c : cases_.cases())
        if (is_candidate(c)) pairs.push_back({c.name, ""});
    }
    if (pairs.empty()) fail_at(node.mark, "this gate has no case to judge");
    return pairs;
  }

  void read_against(Gate& gate, const Node& node, const Node& against) const {
    gate.against = read_text(against, "against");
    gate.against_path = (folders_.of(against.mark) / gate.against).string();
    gate.against_location = against.mark.to_string();
    if (const Node* const n = node.find("relative_to")) read_references(gate, *n);
  }

  static bool read_missing(const Node& node) {
    return read_key_choice(node, "gate", "missing") == 1;
  }

  // Sets the reference of each case. Removes the references themselves from the judged cases.
  void read_references(Gate& gate, const Node& node) const {
    if (node.type != Node::Type::map || node.entries.size() != 1)
      fail_at(node.mark, "relative_to must be one axis and its value, e.g. {engine: iperf3}");
    const std::string relative_to = node.entries[0].key + "=" + value_text(node.entries[0].value);
    for (const Case& c : cases_.cases())
      if (is_reference(c, relative_to))
        std::erase_if(gate.pairs, [&](const CasePair& pair) { return pair.candidate == c.name; });
    if (gate.pairs.empty())
      fail_at(node.mark, "relative_to leaves no case to judge: each is a reference itself");
    for (CasePair& pair : gate.pairs) {
      try {
        pair.baseline = reference_of(pair.candidate, relative_to, cases_.cases());
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
    const auto answer = static_cast<Inconclusive>(read_key_choice(node, "gate", "inconclusive"));
    if (answer == Inconclusive::repeat && !may_repeat_)
      fail_at(node.mark,
              "inconclusive: repeat needs to know how often: add until: {at_most: 40} to plan");
    return answer;
  }

  const CaseSelector& cases_;
  const Folders& folders_;
  const bool may_repeat_;
};

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
                        gate.against_location, name));
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

}  // namespace

Gate read_gate(const Node& entry, const CaseSelector& cases, const Folders& folders,
               bool may_repeat) {
  return GateReader(cases, folders, may_repeat).read(entry);
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
      throw UsageError(fmt::format("{}: against: {}{}", gate.against_location, e.what(),
                                   is_first ? ": with missing: pass, the first run passes" : hint));
    }
    check_cases_of(gate);
  }
}

}  // namespace pingperf
