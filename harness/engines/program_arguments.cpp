#include "harness/engines/program_arguments.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "harness/base/parameter_text.h"
#include "harness/base/suggest.h"

namespace pingperf {
namespace {

constexpr std::string_view kOfTrial[] = {"address", "port", "next_port", "seed"};

bool is_of_trial(std::string_view name) {
  return std::ranges::find(kOfTrial, name) != std::end(kOfTrial);
}

// Returns the parameter that a placeholder names. `port` is that of the server, whoever chose it.
const Parameter* parameter_of_column(std::string_view column) {
  if (is_of_trial(column)) return nullptr;
  const auto found = std::ranges::find(parameters(), column, &Parameter::column);
  return found == parameters().end() ? nullptr : &*found;
}

std::vector<std::string_view> known_names() {
  std::vector<std::string_view> names(std::begin(kOfTrial), std::end(kOfTrial));
  for (const Parameter& p : parameters())
    if (!is_of_trial(p.column)) names.push_back(p.column);
  return names;
}

// Returns the texts of an end that may contain placeholders.
std::vector<std::string_view> texts_of(const ProgramEnd& end) {
  std::vector<std::string_view> texts;
  for (const ProgramArgument& argument : end.arguments) texts.push_back(argument.text);
  for (const auto& [name, value] : end.environment) texts.push_back(value);
  return texts;
}

std::vector<std::string_view> names_in(std::string_view text) {
  std::vector<std::string_view> names;
  scan_argument(
      text, [](std::string_view) {}, [&](std::string_view name) { names.push_back(name); });
  return names;
}

bool is_met(const std::string& condition, const Options& options) {
  if (condition.empty()) return true;
  const std::string value = parameter_text(*find_parameter(condition), options);
  return !value.empty() && value != "false";
}

std::string value_of(std::string_view name, const ProgramValues& values) {
  if (name == "address") return values.address;
  if (name == "port") return std::to_string(values.port);
  if (name == "next_port") return std::to_string(values.port + 1);
  if (name == "seed") return std::to_string(values.seed);
  return parameter_text(*parameter_of_column(name), values.options);
}

}  // namespace

std::optional<std::string> scan_argument(std::string_view text,
                                         const std::function<void(std::string_view)>& on_text,
                                         const std::function<void(std::string_view)>& on_name) {
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      const std::size_t end = std::min(text.find_first_of("{}", i), text.size());
      on_text(text.substr(i, end - i));
      i = end;
    } else if (i + 1 < text.size() && text[i + 1] == c) {
      on_text(text.substr(i, 1));
      i += 2;
    } else {
      const std::size_t end = text.find_first_of("{}", i + 1);
      if (c == '}' || end == std::string_view::npos || text[end] == '{')
        return fmt::format("'{}' has unbalanced braces: a brace itself is {{{{ or }}}}", text);
      on_name(text.substr(i + 1, end - i - 1));
      i = end + 1;
    }
  }
  return std::nullopt;
}

std::optional<std::string> error_of_argument(std::string_view text) {
  std::optional<std::string> unknown;
  const auto check = [&](std::string_view name) {
    if (is_of_trial(name) || parameter_of_column(name) || unknown) return;
    unknown = fmt::format("unknown placeholder {{{}}}", name);
    if (!similar_name(name, known_names()))  // such as {json} of curl -w '%{json}'
      *unknown += fmt::format(": write {{{{{0}}}}} if the tool has to get {{{0}}}", name);
    *unknown += suggest(name, known_names());
  };
  const auto unbalanced = scan_argument(
      text, [](std::string_view) {}, check);
  return unbalanced ? unbalanced : unknown;
}

std::vector<std::string_view> parameters_named(const ProgramEnd& end) {
  std::vector<std::string_view> parameters;
  const auto add = [&](std::string_view name) {
    if (std::ranges::find(parameters, name) == parameters.end()) parameters.push_back(name);
  };
  for (const std::string_view text : texts_of(end))
    for (const std::string_view name : names_in(text))
      if (const Parameter* const parameter = parameter_of_column(name)) add(parameter->name);
  for (const ProgramArgument& argument : end.arguments)
    if (!argument.condition.empty()) add(find_parameter(argument.condition)->name);
  return parameters;
}

std::optional<std::string> missing_value(const ProgramEnd& end, const Options& options) {
  const auto missing_in = [&](std::string_view text) -> std::optional<std::string> {
    for (const std::string_view name : names_in(text))
      if (const Parameter* const p = parameter_of_column(name);
          p && parameter_text(*p, options).empty())
        return std::string(name);
    return std::nullopt;
  };
  for (const ProgramArgument& argument : end.arguments)
    if (is_met(argument.condition, options))
      if (auto missing = missing_in(argument.text)) return missing;
  for (const auto& [name, value] : end.environment)
    if (auto missing = missing_in(value)) return missing;
  return std::nullopt;
}

std::string expand(std::string_view text, const ProgramValues& values) {
  std::string expanded;
  scan_argument(
      text, [&](std::string_view part) { expanded += part; },
      [&](std::string_view name) { expanded += value_of(name, values); });
  return expanded;
}

std::vector<std::string> expand(const ProgramEnd& end, const ProgramValues& values) {
  std::vector<std::string> arguments;
  for (const ProgramArgument& argument : end.arguments)
    if (is_met(argument.condition, values.options))
      arguments.push_back(expand(argument.text, values));
  return arguments;
}

}  // namespace pingperf
