#include "tools/command_line.h"

#include <sstream>

#include "harness/results/columns.h"

namespace pingperf {
namespace {

// The words of "TEXT:{table,json}", which is how CLI11 tells of CLI::IsMember.
std::vector<std::string> choices_in(const std::string& type) {
  const std::size_t open = type.find('{'), close = type.find('}');
  std::vector<std::string> words;
  if (open == std::string::npos || close == std::string::npos) return words;
  std::istringstream list(type.substr(open + 1, close - open - 1));
  for (std::string word; std::getline(list, word, ',');) words.push_back(word);
  return words;
}

ArgumentWords words_of(const CLI::Option& option) {
  ArgumentWords words;
  for (const std::string& name : option.get_snames()) words.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) words.names.push_back("--" + name);
  words.doc = option.get_description();
  words.required = option.get_required();
  if (option.get_items_expected_max() == 0) return words;  // a flag
  const std::string type = option.get_type_name();
  words.choices = choices_in(type);
  words.value = option.get_positional() ? option.get_name(true) : type.substr(0, type.find(':'));
  if (words.value == "NAME")  // of a metric
    for (const std::string_view metric : metric_names()) words.choices.emplace_back(metric);
  words.standard = option.get_default_str();
  words.repeats = option.get_items_expected_max() >= CLI::detail::expected_max_vector_size;
  return words;
}

CommandWords words_of(const CLI::App& command) {
  CommandWords words{command.get_parent() ? command.get_name() : "", command.get_description(), {}};
  for (const CLI::Option* option : command.get_options())
    words.arguments.push_back(words_of(*option));
  return words;
}

}  // namespace

std::vector<CommandWords> commands_of(const CLI::App& app) {
  std::vector<CommandWords> commands = {words_of(app)};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) commands.push_back(words_of(*command));
  return commands;
}

}  // namespace pingperf
