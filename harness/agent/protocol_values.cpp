#include "harness/agent/protocol_values.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <type_traits>
#include <variant>

#include "harness/base/json_fields.h"
#include "harness/engines/program_arguments.h"

namespace pingperf {
namespace {

Json to_json(const ProgramFigure& figure) {
  return {{"column", figure.column},
          {"json", figure.json},
          {"regex", figure.regex},
          {"scale", figure.scale}};
}

ProgramFigure figure_from(const Json& object) {
  return {.column = take<std::string>(object, "column"),
          .json = take<std::string>(object, "json"),
          .regex = take<std::string>(object, "regex"),
          .scale = take<double>(object, "scale")};
}

constexpr std::string_view kReady[] = {"listens", "line", "after"};

std::optional<ProgramReady::When> ready_from(std::string_view text) {
  const auto found = std::ranges::find(kReady, text);
  if (found == std::end(kReady)) return std::nullopt;
  return static_cast<ProgramReady::When>(found - std::begin(kReady));
}

Json to_json(const std::vector<SystemChanges::Command>& commands) {
  Json array = Json::array();
  for (const auto& command : commands)
    array.push_back({{"arguments", command.arguments}, {"location", command.location}});
  return array;
}

std::vector<SystemChanges::Command> take_commands(const Json& object, std::string_view key) {
  std::vector<SystemChanges::Command> commands;
  for (const Json& item : take_array(object, key)) {
    const Json command = as<Json>(item, key);
    commands.push_back({take_texts(command, "arguments"), take<std::string>(command, "location")});
    if (commands.back().arguments.empty()) throw ProtocolError("'arguments' is empty");
  }
  return commands;
}

}  // namespace

Json to_json(const Options& options) {
  Json object = {{"kind", name(options.kind)}, {"transport", name(options.transport)}};
  for (const Parameter& parameter : parameters())
    std::visit(
        [&](auto field) {
          if (options.*field) object[parameter.name] = *(options.*field);
        },
        parameter.field);
  return object;
}

Options options_from(const Json& object) {
  Options options;
  options.kind = take_name<Kind>(object, "kind", kind_from);
  options.transport = take_name<Transport>(object, "transport", transport_from);
  for (const auto& [key, value] : object.items()) {
    if (key == "kind" || key == "transport") continue;
    const Parameter* parameter = find_parameter(key);
    if (parameter == nullptr) throw ProtocolError("unknown option " + excerpt(key));
    std::visit(
        [&, &json = value](auto field) {
          using Value = typename std::remove_reference_t<decltype(options.*field)>::value_type;
          options.*field = as<Value>(json, parameter->name);
        },
        parameter->field);
  }
  return options;
}

std::vector<std::string> take_texts(const Json& object, std::string_view key) {
  std::vector<std::string> texts;
  for (const Json& text : take_array(object, key)) texts.push_back(as<std::string>(text, key));
  return texts;
}

Json pairs_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json array = Json::array();
  for (const auto& [first, second] : pairs) array.push_back({first, second});
  return array;
}

std::vector<std::pair<std::string, std::string>> take_pairs(const Json& object,
                                                            std::string_view key) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Json& pair : take_array(object, key)) {
    if (!pair.is_array() || pair.size() != 2)
      throw ProtocolError(fmt::format("'{}' is no list of pairs", key));
    pairs.emplace_back(as<std::string>(pair[0], key), as<std::string>(pair[1], key));
  }
  return pairs;
}

Json to_json(const ProgramEnd& end) {
  Json arguments = Json::array(), figures = Json::array();
  for (const ProgramArgument& argument : end.arguments)
    arguments.push_back({argument.text, argument.condition});
  for (const ProgramFigure& figure : end.figures) figures.push_back(to_json(figure));
  return {{"name", end.program},
          {"arguments", std::move(arguments)},
          {"environment", pairs_of(end.environment)},
          {"directory", end.directory},
          {"ready", kReady[static_cast<std::size_t>(end.ready.when)]},
          {"ready_regex", end.ready.regex},
          {"ready_after_ns", end.ready.after},
          {"figures", std::move(figures)},
          {"stop_signal", end.stop_signal},
          {"exit_codes", end.exit_codes},
          {"is_copied", end.is_copied},
          {"seed", end.seed}};
}

ProgramEnd program_from(const Json& object) {
  ProgramEnd end;
  end.program = take<std::string>(object, "name");
  for (auto& [text, condition] : take_pairs(object, "arguments")) {
    if (error_of_argument(text) || (!condition.empty() && !find_parameter(condition)))
      throw ProtocolError("'arguments' has a wrong argument: " + excerpt(text));
    end.arguments.push_back({std::move(text), std::move(condition)});
  }
  if (end.arguments.empty()) throw ProtocolError("'arguments' is empty");
  end.environment = take_pairs(object, "environment");
  for (const auto& [name, value] : end.environment)
    if (error_of_argument(value))
      throw ProtocolError("'environment' has a wrong value: " + excerpt(value));
  end.directory = take<std::string>(object, "directory");
  end.ready = {.when = take_name<ProgramReady::When>(object, "ready", ready_from),
               .regex = take<std::string>(object, "ready_regex"),
               .after = take<Nanoseconds>(object, "ready_after_ns")};
  for (const Json& figure : take_array(object, "figures"))
    end.figures.push_back(figure_from(as<Json>(figure, "figures")));
  end.stop_signal = take<int>(object, "stop_signal");
  end.exit_codes.clear();
  for (const Json& code : take_array(object, "exit_codes"))
    end.exit_codes.push_back(as<int>(code, "exit_codes"));
  end.is_copied = take<bool>(object, "is_copied");
  end.seed = take<std::uint64_t>(object, "seed");
  return end;
}

Json to_json(const SystemChanges& changes) {
  Json sysctls = Json::array();
  for (const auto& sysctl : changes.sysctls)
    sysctls.push_back(
        {{"name", sysctl.name}, {"value", sysctl.value}, {"location", sysctl.location}});
  Json object = {{"sysctls", std::move(sysctls)},
                 {"setup", to_json(changes.setup)},
                 {"teardown", to_json(changes.teardown)},
                 {"location", changes.location}};
  if (changes.mtu) object["mtu"] = *changes.mtu;
  if (changes.offloads) object["offloads"] = *changes.offloads;
  if (changes.cpu_limit) object["cpu_limit"] = *changes.cpu_limit;
  if (changes.memory_limit) object["memory_limit"] = *changes.memory_limit;
  return object;
}

SystemChanges changes_from(const Json& object) {
  SystemChanges changes;
  for (const Json& item : take_array(object, "sysctls")) {
    const Json sysctl = as<Json>(item, "sysctls");
    changes.sysctls.push_back({take<std::string>(sysctl, "name"),
                               take<std::string>(sysctl, "value"),
                               take<std::string>(sysctl, "location")});
  }
  changes.setup = take_commands(object, "setup");
  changes.teardown = take_commands(object, "teardown");
  changes.location = take<std::string>(object, "location");
  changes.mtu = take_optional<std::uint64_t>(object, "mtu");
  changes.offloads = take_optional<bool>(object, "offloads");
  changes.cpu_limit = take_optional<double>(object, "cpu_limit");
  changes.memory_limit = take_optional<std::uint64_t>(object, "memory_limit");
  return changes;
}

}  // namespace pingperf
