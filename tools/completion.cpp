#include "tools/completion.h"

#include <fmt/format.h>

#include <algorithm>

namespace pingperf {
namespace {

std::string values_of(const ArgumentSpec& argument) {
  std::string lines;
  for (const std::string& choice : argument.choices) lines += choice + "\n";
  const std::string& value = argument.value;
  if (value == "FILE") lines += ":experiments\n";
  if (value == "DIR" || value == "RUN" || value == "BASE") lines += ":directories\n";
  return lines;
}

std::string names_of(const CommandSpec& command) {
  std::string lines;
  for (const ArgumentSpec& argument : command.arguments)
    for (const std::string& name : argument.names)
      lines += fmt::format("{}\t{}\n", name, argument.doc);
  return lines;
}

}  // namespace

std::string completions(const std::vector<CommandSpec>& commands, std::vector<std::string> words) {
  if (words.empty()) return "";
  const std::string current = words.back();
  words.pop_back();
  std::erase(words, "=");  // bash splits "--format=json" into three words
  const std::size_t equals = current.find('=');
  if (current.starts_with("--") && equals != std::string::npos)
    words.push_back(current.substr(0, equals));

  const auto typed = std::find_if(words.begin(), words.end(),
                                  [](const std::string& word) { return !word.starts_with('-'); });
  const std::string name = typed == words.end() ? "" : *typed;
  const auto command = std::find_if(commands.begin(), commands.end(),
                                    [&](const CommandSpec& c) { return c.name == name; });
  if (command == commands.end()) return "";

  const std::string before = words.empty() ? "" : words.back();
  for (const ArgumentSpec& argument : command->arguments)
    for (const std::string& option : argument.names)
      if (option == before && !argument.value.empty()) return values_of(argument);
  if (current.starts_with('-')) return names_of(*command);
  for (const ArgumentSpec& argument : command->arguments)
    if (argument.names.empty()) return values_of(argument);
  if (!name.empty()) return "";
  std::string lines;
  for (const CommandSpec& c : commands)
    if (!c.name.empty()) lines += fmt::format("{}\t{}\n", c.name, c.doc);
  return lines + names_of(*command);
}

}  // namespace pingperf
