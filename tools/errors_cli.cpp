#include "tools/errors_cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "harness/base/lines.h"
#include "harness/base/suggest.h"

namespace pingperf {
namespace {

// Returns the visible commands of a command.
std::vector<std::string_view> commands_of(const CLI::App& app) {
  std::vector<std::string_view> names;
  for (const CLI::App* command :
       app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); }))
    names.push_back(command->get_name());
  return names;
}

// Returns the error of an unknown command, with the one that was meant. Returns "" for other
// errors.
std::string misspelt_command(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty() || words.front().starts_with('-')) return "";
  const std::string& word = words.front();
  const std::vector<std::string_view> names = commands_of(app);
  if (std::ranges::find(names, word) != names.end()) return "";
  if (word.ends_with(".yaml") || word.ends_with(".yml"))
    return fmt::format("pingperf: unknown command {}: to run the experiment: pingperf run {}",
                       excerpt(word), word);
  return fmt::format("pingperf: unknown command {}{}", excerpt(word), suggest(word, names));
}

// Returns what is wrong with the arguments that no option takes.
std::string extra_arguments(const CLI::App& command, const std::vector<std::string>& extras) {
  const auto option = std::ranges::find_if(
      extras, [](const std::string& extra) { return extra.size() > 1 && extra.starts_with('-'); });
  if (option == extras.end()) {
    if (const std::vector<std::string_view> names = commands_of(command); !names.empty())
      return fmt::format("unknown command {}{}", excerpt(extras.front()),
                         suggest(extras.front(), names));
    const bool takes_globs = command.get_name() == "compare";  // which the shell may have expanded
    return fmt::format("unexpected argument {}{}", excerpt(extras.front()),
                       takes_globs ? ": put a glob in quotes: 'results/NAME/2026*'" : "");
  }
  const std::string name = option->substr(0, option->find('='));
  std::vector<std::string> known;
  for (const CLI::Option* other : command.get_options())
    for (const std::string& text : other->get_lnames()) known.push_back("--" + text);
  const std::vector<std::string_view> names(known.begin(), known.end());
  std::string remedy = suggest(name, names);
  if (!similar_name(name, names) && std::ranges::find(known, "--set") != known.end())
    remedy += "; a value of the experiment: --set plan.repetitions=5";
  return fmt::format("unknown option {}{}", excerpt(name), remedy);
}

}  // namespace

std::string command_line_error(const CLI::App& app, const std::vector<std::string>& words,
                               const CLI::ParseError& error) {
  if (std::string text = misspelt_command(app, words); !text.empty()) return text;
  const CLI::App* command = &app;
  std::string name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  const std::vector<std::string> extras = app.remaining(true);
  const auto is = [&](CLI::ExitCodes code) {
    return error.get_exit_code() == static_cast<int>(code);
  };
  // A misspelt word is also the reason why a required one is missing.
  if ((is(CLI::ExitCodes::ExtrasError) || is(CLI::ExitCodes::RequiredError)) && !extras.empty())
    return fmt::format("{}: {}", name, extra_arguments(*command, extras));
  return fmt::format("{}: {} ({} --help)", name, error.what(), name);
}

}  // namespace pingperf
