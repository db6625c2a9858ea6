#include "harness/experiment/case_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "harness/base/lines.h"
#include "harness/base/suggest.h"
#include "harness/engines/engines.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/keys_in_use.h"
#include "harness/experiment/matrix.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/experiment/plan.h"
#include "harness/experiment/search_reader.h"
#include "sockets/core/size_mix.h"
#include "sockets/ethernet/ethernet.h"

namespace pingperf {
namespace {

bool is_assignable(std::string_view key) {
  const auto keys = assignable_keys();
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Checks the keys of a matrix or of an include entry before the matrix is expanded.
void check_axes(const Node& map, const std::vector<std::string_view>& likely) {
  refuse_search(map, "a matrix");
  ErrorList errors;
  for (const Node::Entry& entry : map.entries)
    if (!is_assignable(entry.key))
      errors.add_at(entry.mark,
                    fmt::format("'{}' is no parameter: the matrix cannot vary it{}", entry.key,
                                suggest_key(entry.key, likely, assignable_keys())));
  errors.throw_if_any();
}

using Programs = std::vector<std::shared_ptr<const Program>>;

constexpr std::string_view kLimits[] = {"duration", "bytes", "messages"};

bool is_limit(std::string_view parameter) {
  return std::find(std::begin(kLimits), std::end(kLimits), parameter) != std::end(kLimits);
}

// Builds one case. Keeps the location of each explicit assignment, for errors.
class CaseBuilder {
 public:
  CaseBuilder(const std::string& workload, const Node& node, const Programs& programs,
              const Setting& setting)
      : node_(node),
        programs_(programs),
        setting_(setting),
        engines_(all_engines().begin(), all_engines().end()) {
    case_.workload = case_.name = workload;
    for (const auto& program : programs) engines_.push_back(&program->engine);
  }

  void assign_explicitly(const std::string& key, const Mark& mark, const Node& value) {
    if (key == "engine") engine_mark_ = mark;
    if (key == "transport") transport_mark_ = mark;
    if (key == "kind") has_kind_ = true;
    for (std::string& name : assign(case_.options.edit(), key, value)) {
      std::erase_if(explicit_, [&](const auto& known) { return known.first == name; });
      explicit_.emplace_back(std::move(name), mark);
    }
  }

  void add_axis(const Assignment& a) {
    case_.axes.emplace_back(a.key, printable(value_text(a.value)));
    case_.name += fmt::format("/{}={}", a.key, case_.axes.back().second);
    assign_explicitly(a.key, a.mark, a.value);
  }

  // Searches a parameter that the workload does not set.
  void search(const Node& node) {
    const Search search = read_search(node);
    const std::string name(search.parameter->name);
    const Mark& mark = node.find("parameter")->mark;
    if (is_explicit(name))
      fail_at(mark, fmt::format("workload '{}' sets '{}' and searches it: remove one of them",
                                case_.workload, name));
    explicit_.emplace_back(name, mark);
    set_searched(case_.options.edit(), search, search.from);
    case_.search = search;
  }

  Case finish(const Node* defaults, std::set<std::string>& used_defaults) {
    find_the_engine();
    for (const auto& [parameter, mark] : explicit_)
      if (case_.program && !case_.engine->honours(parameter))
        fail_at(mark,
                fmt::format("program '{}' does not honour '{}': add {} to a command, or the name "
                            "to its parameters",
                            case_.options->engine, parameter, words_for(parameter)));
      else if (!case_.engine->honours(parameter))
        fail_at(mark, fmt::format("engine '{}' has no '{}' for {} over {}{}", case_.options->engine,
                                  parameter, name(case_.options->kind),
                                  name(case_.options->transport), who_has(parameter)));
    check_limits(node_.mark, fmt::format("workload '{}'", case_.workload));
    if (defaults) {
      apply_defaults(*defaults, used_defaults);
      check_limits(defaults->mark, "defaults");
    }
    apply_built_in_defaults();
    check_whole();
    return std::move(case_);
  }

 private:
  bool is_explicit(std::string_view parameter) const {
    return std::any_of(explicit_.begin(), explicit_.end(),
                       [&](const auto& known) { return known.first == parameter; });
  }

  // Returns how a command honours a parameter: "{rate_bps}", or for a flag "{reverse: [WORD]}".
  static std::string words_for(std::string_view parameter) {
    const Parameter& p = *find_parameter(parameter);
    return p.unit == Unit::flag ? fmt::format("{{{}: [WORD]}}", p.name)
                                : fmt::format("{{{}}}", p.column);
  }

  // Returns the name of each engine once.
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> names = engine_names();
    for (const auto& program : programs_) names.push_back(program->name);
    return names;
  }

  // Returns the engines that honour `parameter` for this kind and transport: "; blocking, epoll
  // have it".
  std::string who_has(std::string_view parameter) const {
    std::vector<std::string_view> names;
    for (const Engine* engine : engines_)
      if (engine->kind == case_.options->kind && engine->transport == case_.options->transport &&
          engine->honours(parameter))
        names.push_back(engine->name);
    if (names.empty()) return "";
    return fmt::format("; {} {} it", fmt::join(names, ", "), names.size() == 1 ? "has" : "have");
  }

  void find_the_engine() {
    const Options& o = *case_.options;
    if (!has_kind_)
      fail_at(node_.mark, fmt::format("workload '{}' has no kind: one of {}", case_.workload,
                                      fmt::join(kind_names(), ", ")));
    if (o.engine.empty())
      fail_at(node_.mark, fmt::format("workload '{}' has no engine: one of {}", case_.workload,
                                      fmt::join(names(), ", ")));
    std::vector<std::string> served;
    for (const Engine* engine : engines_) {
      if (engine->name != o.engine) continue;
      if (engine->kind == o.kind && engine->transport == o.transport) case_.engine = engine;
      served.push_back(fmt::format("{} over {}", name(engine->kind), name(engine->transport)));
    }
    for (const auto& program : programs_)
      if (&program->engine == case_.engine) case_.program = program;
    if (case_.engine) return;
    if (served.empty())
      fail_at(engine_mark_,
              fmt::format("unknown engine '{}'{}", o.engine, suggest(o.engine, names())));
    fail_at(engine_mark_,
            fmt::format("engine '{}' does not serve {} over {}; it serves {}", o.engine,
                        name(o.kind), name(o.transport), fmt::join(served, ", ")));
  }

  // Returns the parameters that limit a trial and are set so far.
  std::vector<std::string_view> limits() const {
    std::vector<std::string_view> set;
    for (std::string_view limit : kLimits)
      if (is_set(*case_.options, *find_parameter(limit))) set.push_back(limit);
    return set;
  }

  void check_limits(const Mark& mark, std::string_view where) const {
    if (limits().size() > 1)
      fail_at(mark, fmt::format("{} has {}: only one of them can end a trial", where,
                                fmt::join(limits(), " and ")));
  }

  // Returns true if the parameter is set, or is replaced by one that is: message_size by size_mix.
  bool is_decided(std::string_view parameter) const {
    return is_explicit(parameter) || (parameter == "message_size" && is_explicit("size_mix")) ||
           (parameter == "size_mix" && is_explicit("message_size"));
  }

  // A limit of the workload replaces every limit of `defaults`.
  void apply_defaults(const Node& defaults, std::set<std::string>& used) {
    const bool limited = !limits().empty();
    for (const Node::Entry& entry : defaults.entries) {
      Options given;  // the values of this default
      bool wanted = false;
      for (const std::string& name : assign(given, entry.key, entry.value)) {
        const Parameter& parameter = *find_parameter(name);
        if (!case_.engine->honours(name)) continue;
        wanted = true;
        if (is_decided(name) || (limited && is_limit(name))) continue;
        std::visit([&](auto field) { case_.options.edit().*field = given.*field; },
                   parameter.field);
      }
      if (wanted) used.insert(entry.key);
    }
  }

  void apply_built_in_defaults() {
    for (const Parameter& p : parameters())
      if (case_.engine->honours(p.name) && !is_set(*case_.options, p) &&
          !(case_.options->size_mix && p.name == "message_size"))
        set_default(case_.options.edit(), p);
  }

  // Returns the bytes of a UDP datagram that the path carries in one piece.
  static std::uint64_t longest_datagram(const Options& o, std::uint64_t path_mtu) {
    return path_mtu - (o.ip == 6 ? 48 : 28);  // IP and UDP have headers
  }

  void check_whole() const {
    const Options& o = *case_.options;
    if (o.reverse.value_or(false) && o.bidirectional.value_or(false))
      fail_at(node_.mark,
              fmt::format("workload '{}' is both reverse and bidirectional: bidirectional "
                          "sends both ways already",
                          case_.workload));
    check_due(o);
    validate(o);
    if (!case_.search) return;
    Options highest = o;
    set_searched(highest, *case_.search, case_.search->to);
    validate(highest);
  }

  // Throws UsageError if no ping is due in the window.
  void check_due(const Options& o) const {
    if (!o.duration || case_.program) return;
    if (o.kind == Kind::latency && o.frequency_hz && o.arrivals != "poisson")
      check_period(o, 1e9 / *o.frequency_hz, "frequency", "raise frequency or duration");
    if (o.think_time && *o.think_time > 0)
      check_period(o, static_cast<double>(*o.think_time), "think_time",
                   "lower think_time or raise duration");
  }

  // A ping is due at the start, and then in each period (ns), which `parameter` sets.
  void check_period(const Options& o, double period, std::string_view parameter,
                    std::string_view remedy) const {
    const double open = static_cast<double>(o.warmup.value_or(0));
    if (std::ceil(open / period) * period < open + static_cast<double>(*o.duration)) return;
    fail_at(location_of(parameter),
            fmt::format("case '{}': {}: a ping is due every {:.4g} s, and none in the {:.4g} s "
                        "after the warmup: {}",
                        case_.name, parameter, period / 1e9, to_seconds(*o.duration), remedy));
  }

  // Throws UsageError if the lab cannot carry the messages: they are frames that a router would
  // have to forward, or are longer than its MTU and must not go in pieces.
  void check_path(const Options& o) const {
    if (setting_.has_router && o.transport == Transport::ethernet)
      fail_at(transport_mark_.value_or(node_.mark),
              fmt::format("case '{}': the router of the lab forwards no frames: transport ethernet "
                          "requires lab: {{router: false}}",
                          case_.name));
    if (!setting_.path_mtu || setting_.may_change_mtu) return;
    const auto refuse = [&](std::uint64_t longest, std::string_view what) {
      const std::pair<std::string_view, std::uint64_t> sizes[] = {
          {o.size_mix ? "size_mix" : "message_size", max_message(o)},
          {"response_size", o.response_size.value_or(0)}};
      for (const auto& [parameter, bytes] : sizes)
        if (bytes > longest)
          fail_at(location_of(parameter),
                  fmt::format("case '{}': {}: {} of at most {} bytes fit the lab's mtu of {}{}",
                              case_.name, parameter, what, longest, *setting_.path_mtu,
                              is_explicit(parameter) ? "" : fmt::format(": set {}", parameter)));
    };
    if (o.transport == Transport::ethernet) refuse(*setting_.path_mtu + kEthernetHeader, "frames");
    if (o.transport != Transport::udp) return;
    const std::uint64_t longest = longest_datagram(o, *setting_.path_mtu);
    if (o.gso.value_or(false)) refuse(longest, "with gso, datagrams");
    if (o.dont_fragment.value_or(false)) refuse(longest, "with dont_fragment, datagrams");
  }

  void validate(const Options& o) const {
    check_path(o);
    if (setting_.share_cpus) return validate_by_engine(o);
    // The engines compare the two pins. On two machines, equal numbers are two CPUs.
    for (const auto pin : {&Options::client_cpu, &Options::server_cpu}) {
      Options of_one_end = o;
      (of_one_end.*pin).reset();
      validate_by_engine(of_one_end);
    }
  }

  void validate_by_engine(const Options& o) const {
    if (!case_.engine->validate) return;
    if (const auto error = case_.engine->validate(o))
      fail_at(location_of(*error), fmt::format("case '{}': {}", case_.name, *error));
  }

  // Returns the location where the parameter was set that the error names before its first colon,
  // or else the location of the workload.
  const Mark& location_of(std::string_view error) const {
    const std::string_view subject = error.substr(0, error.find(':'));
    const auto found = std::find_if(explicit_.begin(), explicit_.end(),
                                    [&](const auto& known) { return known.first == subject; });
    return found == explicit_.end() ? node_.mark : found->second;
  }

  const Node& node_;
  const Programs& programs_;
  const Setting& setting_;
  std::vector<const Engine*> engines_;  // with those of the programs
  Case case_;
  std::vector<std::pair<std::string, Mark>> explicit_;
  Mark engine_mark_;
  std::optional<Mark> transport_mark_;
  bool has_kind_ = false;
};

// Returns the background that loads the network while `loaded` is measured.
Case background_of(const Case& loaded, const Node& node, const Programs& programs,
                   const Setting& setting) {
  constexpr Nanoseconds kTail = 500 * kMillisecond;
  refuse_search(node, "a background");
  check_keys(node, "background", assignable_keys(), keys_in_use(node, nullptr, programs));
  for (const char* const key : {"duration", "bytes", "messages"})
    if (const Node* const n = node.find(key))
      fail_at(n->mark, fmt::format("{}: a background lasts as long as what is measured", key));
  std::set<std::string> unused;
  Case background =
      build_cases("background", node, nullptr, programs, unused, setting, true).front();
  if (background.options->kind != Kind::throughput)
    fail_at(node.mark, "a background is of kind throughput");
  if (!background.engine->honours("duration"))
    fail_at(node.mark, fmt::format("background: program '{}' does not honour 'duration': name "
                                   "{{duration_s}} in a command",
                                   background.options->engine));
  const bool has_warmup = background.engine->honours("warmup");
  if (has_warmup && !node.find("warmup")) background.options.edit().warmup = kBackgroundLead;
  Nanoseconds duration = loaded.options->warmup.value_or(0) + *loaded.options->duration + kTail;
  if (!has_warmup) duration += kBackgroundLead;
  if (background.program)  // many programs read whole seconds only
    duration = (duration + kSecond - 1) / kSecond * kSecond;
  background.options.edit().duration = duration;
  return background;
}

// Replaces the last case by two: idle, and loaded by the background.
void load(std::vector<Case>& cases, const Node& node, const Programs& programs,
          const Setting& setting) {
  Case idle = std::move(cases.back());
  cases.pop_back();
  const bool is_bulk = idle.options->kind == Kind::throughput && !idle.options->frame_every;
  if (is_bulk || !idle.options->duration)
    fail_at(node.mark,
            "background: it loads a workload of kind latency or connect, or with frame, that has a "
            "duration");
  Case loaded = idle;
  loaded.background = std::make_shared<const Case>(background_of(loaded, node, programs, setting));
  for (auto& [c, load] : {std::pair<Case&, const char*>{idle, "idle"}, {loaded, "loaded"}}) {
    c.axes.emplace_back("load", load);
    c.name += fmt::format("/load={}", load);
    cases.push_back(c);
  }
}

// Assigns kind, transport and engine from `defaults`, because the other defaults depend on them.
void assign_shape(CaseBuilder& builder, const Node* defaults, std::set<std::string>& used) {
  if (!defaults) return;
  for (const Node::Entry& entry : defaults->entries)
    if (entry.key == "kind" || entry.key == "transport" || entry.key == "engine") {
      builder.assign_explicitly(entry.key, entry.value.mark, entry.value);
      used.insert(entry.key);
    }
}

// Checks the keys of a workload and of its matrix.
void check_workload(const std::string& workload, const Node& node, const Node* defaults,
                    const Programs& programs) {
  const std::vector<std::string_view> own = keys_of("workload");
  const auto with_own = [&](std::vector<std::string_view> keys) {
    keys.insert(keys.end(), own.begin(), own.end());
    return keys;
  };
  const std::string where = fmt::format("workload '{}'", workload);
  if (node.type != Node::Type::map) check_keys(node, where, {});
  const std::vector<std::string_view> likely = keys_in_use(node, defaults, programs);
  ErrorList errors;
  errors.attempt([&] { check_keys(node, where, with_own(assignable_keys()), with_own(likely)); });
  if (const Node* const matrix = node.find("matrix"))
    errors.attempt([&] { check_axes(*matrix, likely); });
  if (const Node* const include = node.find("include"))
    for (const Node& entry : include->items) errors.attempt([&] { check_axes(entry, likely); });
  errors.throw_if_any();
}

// Makes the case of one combination. Returns nothing if a value, or a key of the workload
// (`is_right`), is wrong: an error that follows from it would only confuse.
std::optional<Case> build_case(CaseBuilder& builder, const Node& node, const Node* defaults,
                               const Combination& combination, std::set<std::string>& used_defaults,
                               ErrorList& errors, bool is_right) {
  is_right &= errors.attempt([&] { assign_shape(builder, defaults, used_defaults); });
  for (const Node::Entry& entry : node.entries)
    if (is_assignable(entry.key))
      is_right &= errors.attempt(
          [&] { builder.assign_explicitly(entry.key, entry.value.mark, entry.value); });
  for (const Assignment& a : combination)
    if (is_assignable(a.key)) is_right &= errors.attempt([&] { builder.add_axis(a); });
  if (const Node* const search = node.find("search"); search && is_right)
    is_right = errors.attempt([&] { builder.search(*search); });
  std::optional<Case> built;
  if (is_right) errors.attempt([&] { built = builder.finish(defaults, used_defaults); });
  return built;
}

}  // namespace

void refuse_lists(const Node& map, std::string_view remedy) {
  ErrorList errors;
  for (const Node::Entry& entry : map.entries)
    if (is_assignable(entry.key) && keys_of_map(entry.key).empty() && entry.key != "size_mix" &&
        entry.key != "iperf3_options" && entry.value.type == Node::Type::sequence)
      errors.add_at(entry.value.mark,
                    fmt::format("{} must be a single value, not a list: {}", entry.key, remedy));
  errors.throw_if_any();
}

std::vector<Case> build_cases(const std::string& workload, const Node& node, const Node* defaults,
                              const Programs& programs, std::set<std::string>& used_defaults,
                              const Setting& setting, bool are_defaults_right) {
  ErrorList errors;
  const bool is_right = errors.attempt([&] {
    check_workload(workload, node, defaults, programs);
  }) && are_defaults_right;
  std::vector<Combination> combinations;
  errors.attempt([&] {
    combinations = expand_matrix(node.find("matrix"), node.find("exclude"), node.find("include"));
  });
  std::vector<Case> cases;
  for (const Combination& combination : combinations) {
    CaseBuilder builder(workload, node, programs, setting);
    std::optional<Case> built =
        build_case(builder, node, defaults, combination, used_defaults, errors, is_right);
    if (!built) continue;
    cases.push_back(std::move(*built));
    if (const Node* const background = node.find("background"))
      errors.attempt([&] { load(cases, *background, programs, setting); });
  }
  errors.throw_if_any();
  if (combinations.empty())
    fail_at(node.find("exclude")->mark, "exclude leaves nothing of the matrix: nothing would run");
  return cases;
}

}  // namespace pingperf
