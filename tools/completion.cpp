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

  const auto is_option = [](const std::string& word) { return word.starts_with('-'); };
  const auto typed = std::ranges::find_if_not(words, is_option);
  std::string name = typed == words.end() ? "" : *typed;
  if (typed != words.end())
    for (const std::string& word : std::vector<std::string>(typed + 1, words.end()))
      if (std::ranges::count(commands, name + " " + word, &CommandSpec::name) > 0)
        name += " " + word;
  const auto command = std::ranges::find(commands, name, &CommandSpec::name);
  if (command == commands.end()) return "";

  const std::string before = words.empty() ? "" : words.back();
  for (const ArgumentSpec& argument : command->arguments)
    for (const std::string& option : argument.names)
      if (option == before && !argument.value.empty()) return values_of(argument);
  if (current.starts_with('-')) return names_of(*command);
  for (const ArgumentSpec& argument : command->arguments)
    if (argument.names.empty()) return values_of(argument);
  const std::string prefix = name.empty() ? "" : name + " ";
  std::string lines;
  for (const CommandSpec& c : commands)
    if (!c.name.empty() && c.name.starts_with(prefix) &&
        c.name.find(' ', prefix.size()) == std::string::npos)
      lines += fmt::format("{}\t{}\n", c.name.substr(prefix.size()), c.doc);
  return name.empty() ? lines + names_of(*command) : lines;
}

}  // namespace pingperf
