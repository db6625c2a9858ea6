#include "harness/experiment/experiment_reader.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <unordered_set>

#include "harness/base/lines.h"
#include "harness/experiment/case_builder.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/host_reader.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/keys_in_use.h"
#include "harness/experiment/lab_reader.h"
#include "harness/experiment/matrix.h"
#include "harness/experiment/odd_characters.h"
#include "harness/experiment/old_names.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/experiment/plan.h"
#include "harness/experiment/program_reader.h"
#include "harness/experiment/search_reader.h"
#include "harness/experiment/variant_reader.h"

namespace pingperf {
namespace {

// A name is part of file names and case names, so it has letters, digits, '_' and '-' only.
void check_name(const std::string& name, const Mark& mark, std::string_view what) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
  if (!plain || name.empty() || name.size() > 100 || name.front() == '-')
    fail_at(mark, fmt::format("{} '{}' must be of letters, digits, '_' and '-'", what, name));
  check_for_missing(name, mark, what);
}

// Returns the folder, or the other one if it does not exist: a resumed run may be on another
// machine.
std::filesystem::path existing(const std::filesystem::path& folder,
                               const std::filesystem::path& otherwise) {
  std::error_code error;
  return std::filesystem::is_directory(folder, error) ? folder : otherwise;
}

class ExperimentReader {
 public:
  ExperimentReader(const Node& root, const std::vector<UsedFile>& used, const Folders& folders)
      : root_(root), used_(used), folder_(existing(folders.file, std::filesystem::current_path())) {
    experiment_.folder = folder_;
  }

  Experiment read() {
    if (root_.type != Node::Type::map) check_keys(root_, "the experiment", {});
    const bool has_right_keys =
        errors_.attempt([&] { check_keys(root_, "the experiment", keys_of("experiment")); });
    errors_.attempt([&] { read_name(has_right_keys); });
    const bool has_hosts = errors_.attempt([&] { read_hosts_or_lab(); });
    if (!has_hosts)
      experiment_ = Experiment{experiment_.name, experiment_.description, experiment_.folder};
    if (const Node* const plan = root_.find("plan")) errors_.attempt([&] { read_plan(*plan); });
    bool has_engines = !has_unknown_section();
    if (const Node* const programs = root_.find("programs"))
      has_engines &=
          errors_.attempt([&] { read_programs(*programs, folder_, experiment_.programs); });
    if (const Node* const use = root_.find("use"))
      has_engines &= errors_.attempt([&] { read_used_files(*use); });
    // Without these, errors of the workloads would follow from those before.
    if (has_hosts)
      if (const Node* const variants = root_.find("variants"))
        has_engines &=
            errors_.attempt([&] { experiment_.variants = read_variants(*variants, experiment_); });
    if (has_engines && (has_right_keys || root_.find("workloads"))) read_workloads(has_hosts);
    errors_.throw_if_any();
    return std::move(experiment_);
  }

 private:
  // Returns true if a section has an unknown name: it may have programs, or defaults.
  bool has_unknown_section() const {
    return std::ranges::any_of(root_.entries, [](const Node::Entry& entry) {
      return entry.value.type != Node::Type::scalar &&
             std::ranges::count(keys_of("experiment"), entry.key) == 0;
    });
  }

  void read_name(bool has_right_keys) {
    const Node* const name = root_.find("name");
    if (!name && !has_right_keys) return;  // it may be misspelt
    if (!name) fail_at(root_.mark, "the experiment has no name: add e.g. name: my-experiment");
    experiment_.name = read_text(*name, "name");
    check_name(experiment_.name, name->mark, "name");
    if (const Node* const text = root_.find("description"))
      experiment_.description = read_text(*text, "description");
  }

  void read_hosts_or_lab() {
    const Node *const hosts = root_.find("hosts"), *const lab = root_.find("lab");
    if (hosts && lab) fail_at(lab->mark, "an experiment has hosts or a lab, not both");
    if (hosts) read_hosts(*hosts, used_, experiment_);
    if (lab) experiment_.lab = read_lab(*lab);
  }

  void read_used_files(const Node& use) {
    if (use.type != Node::Type::sequence)
      fail_at(use.mark, "use must be a list of files, e.g. [programs/sockperf.yaml]");
    std::set<std::string> paths;
    for (const Node& item : use.items) {
      const std::string& path = read_text(item, "use");
      if (!paths.insert(path).second)
        fail_at(item.mark, fmt::format("use: '{}' is used twice", path));
      const UsedFile* const file = find_used_file(used_, path);
      if (!file)
        fail_at(item.mark, fmt::format("use: '{}' was not read: --set cannot add a file", path));
      const std::string source = std::filesystem::path(root_.mark.source).parent_path() / path;
      Node root = parse_yaml(file->text, source);
      if (root_.mark.in_stored_run) mark_as_stored(root);
      check_keys(root, fmt::format("'{}'", source), {"description", "programs"});
      if (const Node* const programs = root.find("programs"))
        read_programs(*programs, existing((folder_ / path).parent_path(), folder_),
                      experiment_.programs);
    }
  }

  // Throws an error at the location of the case's server.
  [[noreturn]] void fail_at_server(const Case& c, const std::string& what) const {
    throw UsageError(fmt::format("{}: {}", experiment_.hosts_of(c).server->location, what));
  }

  // Only engines that need no agent at the server can measure an external server.
  void check_external(const Case& c) const {
    if (!experiment_.is_external(c)) return;
    if (!c.engine->serves_external)
      fail_at_server(c, fmt::format("case '{}': engine '{}' cannot measure an external server",
                                    c.name, c.options->engine));
    if (c.options->response_size && !c.program)
      fail_at_server(c, fmt::format("case '{}': an external server sends back what it receives: no "
                                    "response_size",
                                    c.name));
    const bool sends =
        !c.options->reverse.value_or(false) && !c.options->bidirectional.value_or(false);
    if (c.options->kind == Kind::throughput && !sends && c.options->engine != "iperf3" &&
        !c.program)
      fail_at_server(c, fmt::format("case '{}': an external `pingperf sink` only receives: no "
                                    "reverse, no bidirectional",
                                    c.name));
    if (has_port(c.options->transport) && !c.options->port &&
        experiment_.hosts_of(c).server->port == 0)
      fail_at_server(c, "external: add the port that the server listens on, e.g. port: 7007");
  }

  void read_plan(const Node& node) {
    check_keys(node, "plan", keys_of("plan"));
    PlanOptions& plan = experiment_.plan;
    const auto read = [&](std::string_view key, auto read_value) {
      if (const Node* const value = node.find(key)) errors_.attempt([&] { read_value(*value); });
    };
    read("repetitions",
         [&](const Node& n) { plan.repetitions = read_key_count(n, "plan", "repetitions"); });
    read("seed", [&](const Node& n) { plan.seed = read_key_count(n, "plan", "seed"); });
    read("order", [&](const Node& n) { plan.order = read_order(n); });
    read("cooldown", [&](const Node& n) { plan.cooldown = read_bounded(n, "cooldown", 0); });
    read("host_grace", [&](const Node& n) { plan.host_grace = read_bounded(n, "host_grace", 0); });
    read("counters", [&](const Node& n) { plan.counters = read_counters(n); });
    read("start_timeout",
         [&](const Node& n) { set_start_timeout(read_bounded(n, "start_timeout", kMillisecond)); });
    read("timeout", [&](const Node& n) {
      plan.timeout = read_bounded(n, "timeout", kMillisecond);
      timeout_mark_ = n.mark;
    });
  }

  // Changes each host once, so that the pairs still share it.
  void set_start_timeout(Nanoseconds limit) {
    std::map<const Host*, Shared<Host>> changed;
    for (HostPair& pair : experiment_.hosts)
      for (Shared<Host>* const host : {&pair.client, &pair.server}) {
        const auto [known, is_new] = changed.try_emplace(&**host, *host);
        if (is_new) known->second.edit().start_timeout = limit;
        *host = known->second;
      }
  }

  static Nanoseconds read_bounded(const Node& node, std::string_view what, Nanoseconds minimum) {
    constexpr Nanoseconds kWeek = 7 * 86400 * kSecond;
    const Nanoseconds value = read_duration(node, what);
    if (value < minimum || value > kWeek)
      fail_at(node.mark, fmt::format("{}: {} is out of range: from {}ms to a week", what,
                                     node.scalar, minimum / kMillisecond));
    return value;
  }

  static Order read_order(const Node& node) {
    return static_cast<Order>(read_key_choice(node, "plan", "order"));
  }

  static Counters read_counters(const Node& node) {
    return static_cast<Counters>(read_key_choice(node, "plan", "counters"));
  }

  // Without hosts, does not check what depends on them.
  void read_workloads(bool has_hosts) {
    const Node* const defaults = root_.find("defaults");
    const Node* const workloads = root_.find("workloads");
    const bool are_defaults_right =
        !defaults || errors_.attempt([&] { check_defaults(*defaults, workloads); });
    if (!workloads)
      return errors_.add_at(root_.mark, "the experiment has no workloads: nothing would run");
    if (workloads->type != Node::Type::map || workloads->entries.empty())
      return errors_.add_at(workloads->mark, "workloads must be a map with at least one workload");
    std::set<std::string> used_defaults;
    Setting setting;
    if (has_hosts) {
      setting.share_cpus = std::ranges::any_of(experiment_.hosts, may_share_cpus);
      if (const auto& lab = experiment_.lab)
        setting.path_mtu = lab->mtu.value_or(LabOptions::kDefaultMtu);
      setting.has_router = experiment_.lab && experiment_.lab->router;
      setting.may_change_mtu = !experiment_.variants.empty();
    }
    for (const Node::Entry& entry : workloads->entries)
      errors_.attempt([&] {
        check_name(entry.key, entry.mark, "workload name");
        errors_.attempt([&] { refuse_lists(entry.value, "what varies stands under matrix"); });
        std::vector<Case> cases =
            build_cases(entry.key, entry.value, defaults, experiment_.programs, used_defaults,
                        setting, are_defaults_right);
        if (has_hosts) cases = everywhere(std::move(cases), entry.value);
        add_cases(std::move(cases), entry.value.mark);
      });
    if (defaults && errors_.empty())
      errors_.attempt([&] { check_use_of_defaults(*defaults, used_defaults); });
    if (!has_hosts) return;
    for (const Case& c : experiment_.cases)
      errors_.attempt([&] {
        check_ip_version(c);
        check_external(c);
      });
  }

  void check_defaults(const Node& defaults, const Node* workloads) const {
    refuse_search(defaults, "defaults");
    std::set<std::string_view> likely;
    if (workloads)
      for (const Node::Entry& entry : workloads->entries)
        for (const std::string_view key : keys_in_use(entry.value, &defaults, experiment_.programs))
          likely.insert(key);
    check_keys(defaults, "defaults", assignable_keys(), {likely.begin(), likely.end()});
    refuse_lists(defaults, "what varies stands under the matrix of a workload");
  }

  void check_ip_version(const Case& c) const {
    const bool v6 = experiment_.hosts_of(c).server->address.find(':') != std::string::npos;
    if (v6 && c.options->ip == 4)
      fail_at_server(c, fmt::format("the server's address is IPv6, case '{}' is IPv4: add ip: 6 "
                                    "to defaults",
                                    c.name));
  }

  // Returns each case of a workload once per variant and pair of hosts, without those excluded.
  std::vector<Case> everywhere(std::vector<Case> cases, const Node& workload) {
    cases = in_every_variant(std::move(cases), workload.find("variants"));
    if (cases.empty()) return cases;  // only the values were checked
    cases_on_a_pair_ += cases.size();
    if (cases_on_a_pair_ > kMaxCases)
      fail_at(workload.mark, fmt::format("the experiment has more than {} cases{}", kMaxCases,
                                         experiment_.has_pairs ? " on a pair of hosts" : ""));
    cases = on_every_pair(std::move(cases), workload.mark);
    if (const Node* const exclude = workload.find("exclude")) exclude_outer(cases, *exclude);
    return cases;
  }

  // Returns each case once per variant. `chosen` is the list of a workload, or null.
  std::vector<Case> in_every_variant(std::vector<Case> cases, const Node* chosen) const {
    const Variants variants = choose_variants(experiment_.variants, chosen);
    if (variants.empty()) return cases;
    std::vector<Case> everywhere;
    for (const Case& c : cases)
      for (const auto& variant : variants) {
        Case& here = everywhere.emplace_back(c);
        here.variant = variant;
        here.axes.emplace_back("variant", variant->name);
        here.name += fmt::format("/variant={}", variant->name);
        check_variant_of(here);
      }
    return everywhere;
  }

  // Returns each case once per pair of hosts, and once for their sum.
  std::vector<Case> on_every_pair(std::vector<Case> cases, const Mark& mark) const {
    if (!experiment_.has_pairs) return cases;
    if (cases.size() * experiment_.hosts.size() > kMaxTrials)
      fail_at(mark,
              fmt::format("{} cases on {} pairs are at least {} trials, and a run has at most {}",
                          cases.size(), experiment_.hosts.size(),
                          cases.size() * experiment_.hosts.size(), kMaxTrials));
    std::vector<Case> everywhere;
    everywhere.reserve(cases.size() * (experiment_.hosts.size() + 1));
    const auto add = [&](const Case& c, const std::string& name) -> Case& {
      Case& here = everywhere.emplace_back(c);
      here.axes.emplace_back("pair", name);
      here.name += fmt::format("/pair={}", name);
      return here;
    };
    for (const Case& c : cases) {
      for (std::size_t pair = 0; pair < experiment_.hosts.size(); ++pair)
        add(c, experiment_.hosts[pair].name).pair = pair;
      if (!experiment_.has_sums) continue;
      if (c.search)
        fail_at(mark,
                "search: the pairs of an incast or broadcast are one trial: each would search "
                "another value");
      add(c, "sum").is_sum = true;
    }
    return everywhere;
  }

  // Removes the cases that an entry matches which names a pair of hosts or a variant.
  void exclude_outer(std::vector<Case>& cases, const Node& exclude) const {
    if (std::ranges::none_of(exclude.items, names_outer_axis)) return;
    check_effort(exclude, "exclude", cases.size());
    for (const Node& entry : exclude.items) {
      if (!names_outer_axis(entry)) continue;
      if (experiment_.has_sums && entry.find_entry("pair"))
        fail_at(entry.mark, "exclude: the pairs of an incast or broadcast are one trial");
      decltype(Case::axes) wanted;
      for (const Node::Entry& axis : entry.entries)
        wanted.emplace_back(axis.key, printable(value_text(axis.value)));
      const auto is_excluded = [&](const Case& c) {
        return std::ranges::all_of(wanted, [&](const auto& axis) {
          return std::ranges::find(c.axes, axis) != c.axes.end();
        });
      };
      if (std::erase_if(cases, is_excluded) == 0)
        fail_at(entry.mark, fmt::format("this exclude matches no case: {}", value_text(entry)));
    }
    if (cases.empty())
      fail_at(exclude.mark, "exclude leaves nothing of the matrix: nothing would run");
  }

  void add_cases(std::vector<Case> cases, const Mark& mark) {
    // A name begins with its workload, so only names of one workload can be equal.
    std::unordered_set<std::string_view> names;
    for (const Case& c : cases) {
      if (!names.insert(c.name).second)
        fail_at(mark, fmt::format("two cases are named '{}'", c.name));
      const Nanoseconds least = c.options->duration ? expected_length(c, experiment_.is_external(c))
                                                    : c.options->warmup.value_or(0);
      if (experiment_.plan.timeout && *experiment_.plan.timeout <= least)
        fail_at(timeout_mark_,
                fmt::format("timeout is not longer than the {:.10g} s that a trial of case '{}' "
                            "takes",
                            to_seconds(least), c.name));
      planned_trials_ += c.search ? c.search->trials : experiment_.plan.repetitions;
    }
    if (experiment_.cases.empty())
      experiment_.cases = std::move(cases);
    else
      std::ranges::move(cases, std::back_inserter(experiment_.cases));
    if (planned_trials_ > kMaxTrials)
      fail_at(mark,
              fmt::format("{} cases with {} repetitions are more than {} trials",
                          experiment_.cases.size(), experiment_.plan.repetitions, kMaxTrials));
  }

  static void check_use_of_defaults(const Node& defaults, const std::set<std::string>& used) {
    for (const Node::Entry& entry : defaults.entries)
      if (!used.contains(entry.key))
        fail_at(entry.mark, fmt::format("no engine of this experiment has '{}': this default would "
                                        "do nothing",
                                        entry.key));
  }

  const Node& root_;
  const std::vector<UsedFile>& used_;
  const std::filesystem::path folder_;
  Experiment experiment_;
  ErrorList errors_;
  std::size_t cases_on_a_pair_ = 0;
  std::uint64_t planned_trials_ = 0;
  Mark timeout_mark_;
};

// Keeps the cases whose name or workload one of the globs matches.
void keep_only(Experiment& experiment, const std::vector<std::string>& globs) {
  const auto matches = [](const std::string& glob, const Case& c) {
    return ::fnmatch(glob.c_str(), c.name.c_str(), 0) == 0 ||
           ::fnmatch(glob.c_str(), c.workload.c_str(), 0) == 0;
  };
  std::set<std::string> workloads;
  for (const Case& c : experiment.cases) workloads.insert(c.workload);
  for (const std::string& glob : globs)
    if (std::ranges::none_of(experiment.cases, [&](const Case& c) { return matches(glob, c); }))
      throw UsageError(fmt::format("--only '{}' matches no case; workloads: {}", glob,
                                   fmt::join(workloads, ", ")));
  std::erase_if(experiment.cases, [&](const Case& c) {
    return std::ranges::none_of(globs, [&](const std::string& glob) { return matches(glob, c); });
  });
}

Experiment parse_text(const std::string& text, const std::string& source,
                      const Overrides& overrides) {
  if (text.find('\0') != std::string::npos) throw UsageError(source + ": is not a text file");
  std::string own = text;
  const std::vector<UsedFile> used = take_used_files(own);
  Node root = parse_yaml(own, source);
  if (root.type == Node::Type::null)
    throw UsageError(source + ":1:1: the file holds no experiment");
  // Keys for anchors that other keys refer to, as in Compose files.
  std::erase_if(root.entries, [](const Node::Entry& e) { return e.key.starts_with("x-"); });
  std::vector<std::string> warnings;
  for (const std::string& expression : overrides.set)
    if (std::string warning = apply_set(root, expression); !warning.empty())
      warnings.push_back(std::move(warning));
  use_current_names(root);
  if (overrides.stored_run) mark_as_stored(root);
  std::vector<std::string> only = overrides.only;
  std::erase(only, "");  // such as --only "$CASES" without a value
  for (std::string& glob : only) glob = with_current_names(glob);
  const Folders folders = overrides.folders.value_or(folders_of(source));
  Experiment experiment = ExperimentReader(root, used, folders).read();
  experiment.warnings = std::move(warnings);
  experiment.source = std::make_shared<const ExperimentSource>(ExperimentSource{
      std::move(root), only.empty() ? std::vector<Case>() : experiment.cases, folders});
  if (!only.empty()) keep_only(experiment, only);
  return experiment;
}

}  // namespace

Experiment load_experiment(const std::filesystem::path& file, const Overrides& overrides) {
  return parse_experiment(read_experiment(file, overrides.no_launch), file.string(), overrides);
}

Experiment parse_experiment(const std::string& text, const std::string& source,
                            const Overrides& overrides) try {
  return parse_text(text, source, overrides);
} catch (const UsageError& e) {
  throw UsageError(with_odd_characters(e.what(), text, source));
}

}  // namespace pingperf
