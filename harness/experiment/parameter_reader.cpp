#include "harness/experiment/parameter_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <sstream>

#include "harness/base/counted.h"
#include "harness/base/csv.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"
#include "harness/engines/iperf3_arguments.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/keys.h"
#include "sockets/core/cpu_set.h"
#include "sockets/core/size_mix.h"

namespace pingperf {
namespace {

[[noreturn]] void wrong(const Node& node, std::string_view what, std::string_view right) {
  fail_at(node.mark, fmt::format("{}: '{}' is not {}", what, node.scalar, right));
}

std::string human(double value, Unit unit) {
  switch (unit) {
    case Unit::duration:
      return human_duration(value);
    case Unit::size:
      return human_size(value);
    case Unit::rate:
      return human_rate(value);
    case Unit::frequency:
      return fmt::format("{:g} Hz", value);
    default:
      return fmt::format("{:.0f}", value);
  }
}

void check_range(const Parameter& p, const Node& node, double value) {
  if (value >= p.minimum && value <= p.maximum) return;
  fail_at(node.mark, fmt::format("{}: {} is out of range: from {} to {}", p.name, node.scalar,
                                 human(p.minimum, p.unit), human(p.maximum, p.unit)));
}

// Reads a count, a size or a rate.
void read_into(std::optional<std::uint64_t>& field, const Parameter& p, const Node& node) {
  const std::string& text = read_text(node, p.name);
  if (p.unit == Unit::size) {
    field = parse_size(text);
    if (!field) wrong(node, p.name, "a size" + suggest_size(text, "64, 1400B, 64KiB or 1MB"));
  } else if (p.unit == Unit::rate) {
    field = parse_rate(text);
    if (!field) wrong(node, p.name, "a rate" + suggest_rate(text, "100mbit or 1.5Gbit"));
  } else {
    field = parse_count(text);
    if (!field) wrong(node, p.name, "a count: write plain digits");
  }
  check_range(p, node, static_cast<double>(*field));
}

void read_into(std::optional<Nanoseconds>& field, const Parameter& p, const Node& node) {
  field = read_duration(node, p.name);
  check_range(p, node, static_cast<double>(*field));
}

void read_into(std::optional<double>& field, const Parameter& p, const Node& node) {
  const std::string& text = read_text(node, p.name);
  field = parse_frequency(text);
  if (!field) wrong(node, p.name, "a frequency" + suggest_frequency(text, "5000, 10Hz or 5kHz"));
  check_range(p, node, *field);
}

void read_into(std::optional<bool>& field, const Parameter& p, const Node& node) {
  field = read_flag(node, p.name);
}

void read_into(std::optional<std::string>& field, const Parameter& p, const Node& node) {
  const std::string& text = read_text(node, p.name);
  if (!p.choices.empty() && std::find(p.choices.begin(), p.choices.end(), text) == p.choices.end())
    fail_at(node.mark, fmt::format("{}: unknown '{}'{}", p.name, text, suggest(text, p.choices)));
  if (text.empty() || text.size() > 64) wrong(node, p.name, "a name of 1 to 64 letters");
  field = text;
}

void read_parameter(Options& options, const Parameter& p, const Node& node) {
  std::visit([&](auto field) { read_into(options.*field, p, node); }, p.field);
}

// Reads the CPUs of an end.
void read_pin(Options& options, const Parameter& p, const Node& node) {
  const auto pin = normalized_pin(read_text(node, p.name));
  if (!pin)
    wrong(node, p.name,
          fmt::format("a set of CPUs from 0 to {}: write e.g. 0, 0-3, \"0,2\" or node0", kMaxCpu));
  options.*std::get<std::optional<std::string> Options::*>(p.field) = *pin;
}

// Reads parameters that are written as a map, such as `pin: {client: 0, server: 1}`.
std::vector<std::string> read_map(Options& options, const std::string& map, const Node& node) {
  const std::vector<std::string_view> keys = keys_of_map(map);
  if (node.type != Node::Type::map)
    fail_at(node.mark, fmt::format("{} must be a map of {}, not {}", map, fmt::join(keys, ", "),
                                   describe(node.type)));
  if (node.entries.empty())
    fail_at(node.mark, fmt::format("{} is empty: expected {}", map, fmt::join(keys, ", ")));
  std::vector<std::string> names;
  for (const Node::Entry& entry : node.entries) {
    if (std::find(keys.begin(), keys.end(), entry.key) == keys.end())
      fail_at(entry.mark,
              fmt::format("unknown key '{}' in {}{}", entry.key, map, suggest(entry.key, keys)));
    names.push_back(map + "." + entry.key);
    map == "pin" ? read_pin(options, *find_parameter(names.back()), entry.value)
                 : read_parameter(options, *find_parameter(names.back()), entry.value);
  }
  return names;
}

// Reads arguments for libiperf: a list, or one text with blanks between the arguments.
std::string read_iperf3_arguments(const Node& node, std::string_view what) {
  constexpr std::size_t kMaxLength = 1000;
  const bool is_list = node.type == Node::Type::sequence;
  if (!is_list && node.type != Node::Type::scalar)
    fail_at(node.mark, fmt::format("{} must be a list of words or one text, not {}", what,
                                   describe(node.type)));
  std::string arguments;
  for (const Node& item : is_list ? std::span(node.items) : std::span(&node, 1)) {
    std::istringstream text(read_text(item, what));
    std::size_t count = 0;
    for (std::string argument; text >> argument; ++count) {
      if (const auto error = validate_iperf3_argument(argument))
        fail_at(item.mark, fmt::format("{}: {}", what, *error));
      arguments += (arguments.empty() ? "" : " ") + argument;
    }
    if (is_list && count != 1) wrong(item, what, "one word: each stands alone in the list");
  }
  if (arguments.size() > kMaxLength)
    fail_at(node.mark, fmt::format("{}: more than {} characters", what, kMaxLength));
  return arguments;
}

// Reads sizes and their weights, such as {64: 7, 570: 4, 1518: 1}.
std::string read_size_mix(const Node& node) {
  constexpr std::string_view kForm = "a map of sizes and weights, such as {64: 7, 1400: 1}";
  if (node.type != Node::Type::map)
    fail_at(node.mark, fmt::format("size_mix must be {}, not {}", kForm, describe(node.type)));
  if (node.entries.empty()) fail_at(node.mark, fmt::format("size_mix is empty: write {}", kForm));
  if (node.entries.size() > kMaxShares)
    fail_at(node.mark, fmt::format("size_mix: more than {} sizes", kMaxShares));
  std::vector<SizeShare> mix;
  std::uint64_t cycle = 0;
  for (const auto& [key, mark, value] : node.entries) {
    const auto size = parse_size(key);
    if (!size || *size == 0 || *size > kMaxMessageSize)
      fail_at(mark, fmt::format("size_mix: '{}' is not a size from 1B to 1GiB{}", key,
                                suggest_size(key, "64, 1400B or 64KiB")));
    if (std::ranges::find(mix, *size, &SizeShare::size) != mix.end())
      fail_at(mark, fmt::format("size_mix: {} {} twice", counted(*size, "byte"),
                                *size == 1 ? "stands" : "stand"));
    mix.push_back(
        {*size, read_count(value, fmt::format("size_mix: weight of {}", key), 1, kMaxCycle)});
    cycle += mix.back().weight;
  }
  if (cycle > kMaxCycle)
    fail_at(node.mark,
            fmt::format("size_mix: the sum of the weights is {}: at most {}", cycle, kMaxCycle));
  std::ranges::sort(mix, {}, &SizeShare::size);
  return text_of(mix);
}

// Reads a path of the hosts of the experiment, which need not exist on this one.
std::string read_path(const Node& node, std::string_view what) {
  constexpr std::size_t kMaxLength = 1000;
  const std::string& path = read_text(node, what);
  if (!path.starts_with('/') || path.size() > kMaxLength)
    wrong(node, what, "an absolute path of at most 1000 characters");
  return path;
}

template <typename Enum>
void read_choice(Enum& field, std::optional<Enum> (*from)(std::string_view), const Node& node,
                 std::string_view what, std::span<const std::string_view> known) {
  const std::string& text = read_text(node, what);
  const std::optional<Enum> value = from(text);
  if (!value)
    fail_at(node.mark, fmt::format("unknown {} '{}'{}", what, text, suggest(text, known)));
  field = *value;
}

}  // namespace

std::vector<std::string_view> keys_of_map(std::string_view map) {
  std::vector<std::string_view> keys;
  for (const Parameter& p : parameters())
    if (const std::string_view name = p.name; name.starts_with(map) && name[map.size()] == '.')
      keys.push_back(name.substr(map.size() + 1));
  return keys;
}

std::vector<std::string_view> assignable_keys() {
  std::vector<std::string_view> keys = {"kind", "transport", "engine", "dscp"};
  for (const Parameter& p : parameters()) {
    const std::string_view key = p.name.substr(0, p.name.find('.'));
    if (keys.back() != key) keys.push_back(key);
  }
  return keys;
}

std::vector<std::string_view> parameter_names() {
  std::vector<std::string_view> names;
  for (const Parameter& p : parameters()) names.push_back(p.name);
  return names;
}

std::vector<std::string> assign(Options& options, const std::string& key, const Node& value) {
  if (key == "kind") {
    read_choice(options.kind, kind_from, value, "kind", kind_names());
    return {};
  }
  if (key == "transport") {
    read_choice(options.transport, transport_from, value, "transport", transport_names());
    return {};
  }
  if (key == "engine") {
    options.engine = read_text(value, "engine");
    return {};
  }
  if (key == "dscp") {
    options.tos = 4 * read_count(value, "dscp", 0, 63);
    return {"tos"};
  }
  if (!find_parameter(key)) return read_map(options, key, value);
  if (key == "ip" && read_text(value, "ip") != "4" && value.scalar != "6")
    wrong(value, "ip", "4 or 6");
  if (key == "iperf3_options")
    options.iperf3_options = read_iperf3_arguments(value, key);
  else if (key == "size_mix")
    options.size_mix = read_size_mix(value);
  else if (key == "libiperf")
    options.libiperf = read_path(value, key);
  else
    read_parameter(options, *find_parameter(key), value);
  return {key};
}

namespace {

bool is_one_of(const std::vector<std::string_view>& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

// Returns the key that does what `word` does in iperf3, netperf, neper or sockperf, one of `likely`
// if possible (docs/coming-from.md). Returns `word` if there is none.
std::string_view key_for(std::string_view word, const std::vector<std::string_view>& likely) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"bandwidth", "rate"},
      {"bitrate", "rate"},
      {"buffer", "send_buffer"},
      {"congestion", "congestion_control"},
      {"connections", "streams"},
      {"host", "hosts.server.address"},
      {"length", "message_size"},
      {"interval", "frequency"},
      {"mps", "frequency"},
      {"mps", "rate"},
      {"msg_size", "message_size"},
      {"omit", "warmup"},
      {"parallel", "streams"},
      {"request_size", "message_size"},
      {"test", "kind"},
      {"time", "duration"},
      {"window", "receive_buffer"},
      {"zerocopy", "zero_copy"},
  };
  std::string_view key = word;
  for (const auto& [other, own] : kWords)
    if (other == word && !is_one_of(likely, key) && (key == word || is_one_of(likely, own)))
      key = own;
  return key;
}

// Returns the path of `key` in the section of the file that has it, such as "plan.repetitions", or
// "".
std::string path_of_key(std::string_view key) {
  if (key.find('.') != std::string_view::npos) return std::string(key);
  if (is_one_of(assignable_keys(), key)) return fmt::format("defaults.{}", key);
  for (const std::string_view section : {"plan", "lab", "hosts"})
    if (is_one_of(keys_of(section), key)) return fmt::format("{}.{}", section, key);
  return "";
}

// Returns the correct form of an unknown key whose meaning is certain, or "".
std::string certain_key(std::string_view key, const std::vector<std::string_view>& likely,
                        const std::vector<std::string_view>& keys) {
  const std::size_t colon = key.find(':');
  if (colon != std::string_view::npos && is_one_of(keys, key.substr(0, colon)))
    return fmt::format("{}: {}", key.substr(0, colon), key.substr(colon + 1));
  const std::string_view word = key_for(key, likely);
  return is_one_of(keys, word) ? std::string(word) : path_of_key(word);
}

}  // namespace

std::string suggest_key(std::string_view key, const std::vector<std::string_view>& likely,
                        const std::vector<std::string_view>& keys) {
  if (key == "interval" && !is_one_of(likely, "frequency"))
    return ": intervals.csv always has ten intervals per second";
  if (const std::string certain = certain_key(key, likely, keys); !certain.empty())
    return fmt::format(", did you mean '{}'?", certain);
  std::string first = suggest(key, likely);
  std::string second = first.starts_with(',') ? "" : suggest(key, keys);
  return second.starts_with(',') ? second : first;
}

void check_keys(const Node& node, std::string_view where, const std::vector<std::string_view>& keys,
                const std::vector<std::string_view>& likely) {
  if (node.type != Node::Type::map)
    fail_at(node.mark, fmt::format("{} must be a map, not {}", where, describe(node.type)));
  ErrorList errors;
  for (const Node::Entry& entry : node.entries)
    if (std::find(keys.begin(), keys.end(), entry.key) == keys.end())
      errors.add_at(entry.mark,
                    fmt::format("unknown key '{}' in {}{}", entry.key, where,
                                suggest_key(entry.key, likely.empty() ? keys : likely, keys)));
  errors.throw_if_any();
}

Nanoseconds read_duration(const Node& node, std::string_view what) {
  const std::string& text = read_text(node, what);
  if (const auto duration = parse_duration(text)) return *duration;
  if (parse_count(text))
    wrong(node, what, fmt::format("a duration: it needs a unit, e.g. {}s", text));
  wrong(node, what, "a duration" + suggest_duration(text, "500ms, 3s or 2m"));
}

std::uint64_t read_count(const Node& node, std::string_view what, std::uint64_t minimum,
                         std::uint64_t maximum) {
  const auto count = parse_count(read_text(node, what));
  if (!count) wrong(node, what, "a count: write plain digits");
  if (*count < minimum || *count > maximum)
    fail_at(node.mark,
            fmt::format("{}: {} is out of range: from {} to {}", what, *count, minimum, maximum));
  return *count;
}

std::uint64_t read_key_count(const Node& node, std::string_view section, std::string_view key) {
  const ExperimentKey& range = find_key(section, key);
  return read_count(node, key, range.minimum, range.maximum);
}

std::size_t read_key_choice(const Node& node, std::string_view section, std::string_view key) {
  const std::string& text = read_text(node, key);
  const auto& choices = find_key(section, key).choices;
  const auto found = std::ranges::find(choices, text);
  if (found == choices.end())
    fail_at(node.mark, fmt::format("unknown {} '{}'{}", key, text, suggest(text, choices)));
  return static_cast<std::size_t>(found - choices.begin());
}

void check_for_missing(std::string_view name, const Mark& mark, std::string_view what) {
  if (reads_as_missing(name) && !mark.in_stored_run)
    fail_at(mark, fmt::format("{} '{}': pandas or R would read it as a missing value: choose "
                              "another name",
                              what, name));
}

bool read_flag(const Node& node, std::string_view what) {
  const std::string& text = read_text(node, what);
  if (text != "true" && text != "false") wrong(node, what, "true or false");
  return text == "true";
}

const std::string& read_text(const Node& node, std::string_view what) {
  if (node.type != Node::Type::scalar)
    fail_at(node.mark, fmt::format("{} must be a single value, not {}", what, describe(node.type)));
  return node.scalar;
}

}  // namespace pingperf
