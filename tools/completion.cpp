// Completion in shells: a script for each, made from the command line's own words.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/command_line.h"

namespace pingperf {
namespace {

using Commands = std::vector<CommandWords>;

// `text` with a backslash before each of `special`.
std::string escape(const std::string& text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

// In single quotes, for a POSIX shell.
std::string in_quotes(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::vector<std::string> names_of(const Commands& commands) {
  std::vector<std::string> names;
  for (const CommandWords& command : commands)
    if (!command.name.empty()) names.push_back(command.name);
  return names;
}

// ---- bash

std::string bash_values(const ArgumentWords& a) {
  if (!a.choices.empty()) return fmt::format("words '{}'", fmt::join(a.choices, " "));
  if (a.is_experiment()) return "files";
  return a.is_directory() ? "directories" : "true";
}

// The case of one command: first the values of its options, then its options and arguments.
std::string bash_case(const CommandWords& command) {
  std::string values, options, positional = "true";
  for (const ArgumentWords& a : command.arguments) {
    for (const std::string& name : a.names) options += (options.empty() ? "" : " ") + name;
    if (a.is_positional()) positional = bash_values(a);
    if (!a.is_positional() && !a.value.empty())
      values +=
          fmt::format("        {}) {}; return ;;\n", fmt::join(a.names, " | "), bash_values(a));
  }
  if (!values.empty()) values = "      case $before in\n" + values + "      esac\n";
  return fmt::format("    {})\n{}      if [[ $current == -* ]]; then words '{}'; else {}; fi ;;\n",
                     command.name, values, options, positional);
}

std::string bash_completion(const Commands& commands) {
  std::string cases, options;
  for (const CommandWords& command : commands)
    if (!command.name.empty()) cases += bash_case(command);
  for (const ArgumentWords& a : commands.front().arguments)
    for (const std::string& name : a.names) options += " " + name;
  return fmt::format(R"(# Completion of pingperf in bash; printed by `pingperf completion bash`.
_pingperf() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command='' i
  # --format=json is three words here.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $before == '=' ]]; then
    before=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    if [[ ${{COMP_WORDS[i]}} != -* ]]; then
      command=${{COMP_WORDS[i]}}
      break
    fi
  done
  words() {{ mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }}
  directories() {{
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$current")
  }}
  files() {{
    directories
    local found
    mapfile -t found < <(compgen -f -X '!*.yaml' -- "$current"; compgen -f -X '!*.yml' -- "$current")
    COMPREPLY+=("${{found[@]}}")
  }}
  COMPREPLY=()
  case $command in
    '') words '{}{}' ;;
{}  esac
  unset -f words directories files
}}
complete -F _pingperf pingperf
)",
                     fmt::join(names_of(commands), " "), options, cases);
}

// ---- zsh

std::string zsh_action(const ArgumentWords& a) {
  if (!a.choices.empty()) return fmt::format("({})", fmt::join(a.choices, " "));
  if (a.is_experiment()) return "_files -g \"*.(yaml|yml)\"";
  return a.is_directory() ? "_directories" : " ";
}

// One specification for _arguments, as zshcompsys(1) has them, for each name.
std::string zsh_specifications(const ArgumentWords& a) {
  const std::string value = escape(a.value, ":");
  if (a.is_positional())
    return fmt::format(
        " {}", in_quotes(fmt::format("{}:{}:{}", a.repeats ? "*" : "", value, zsh_action(a))));
  std::string text;
  for (const std::string& name : a.names) {
    const std::string guard = a.repeats ? "*" : fmt::format("({})", fmt::join(a.names, " "));
    const bool is_long = name.starts_with("--");
    std::string specification =
        guard + name + (!a.value.empty() && is_long ? "=" : "") + "[" + escape(a.doc, "[]:") + "]";
    if (!a.value.empty()) specification += ":" + value + ":" + zsh_action(a);
    text += " \\\n        " + in_quotes(specification);
  }
  return text;
}

std::string zsh_completion(const Commands& commands) {
  std::string list, cases;
  for (const CommandWords& command : commands) {
    if (command.name.empty()) continue;
    list += "    " + in_quotes(command.name + ":" + escape(command.doc, ":")) + "\n";
    std::string specifications;
    for (const ArgumentWords& a : command.arguments) specifications += zsh_specifications(a);
    cases += fmt::format("      {})\n        _arguments -s{} ;;\n", command.name, specifications);
  }
  std::string options;
  for (const ArgumentWords& a : commands.front().arguments) options += zsh_specifications(a);
  return fmt::format(R"(#compdef pingperf
# Completion of pingperf in zsh; printed by `pingperf completion zsh`.
_pingperf() {{
  local context state state_descr line curcontext=$curcontext
  typeset -A opt_args
  local -a commands=(
{}  )
  _arguments -C '1:command:->command' '*::argument:->argument'{}
  case $state in
    command) _describe command commands ;;
    argument)
      curcontext=${{curcontext%:*:*}}:pingperf-$words[1]:
      case $words[1] in
{}      esac ;;
  esac
}}
if [[ $funcstack[1] == _pingperf ]]; then
  _pingperf "$@"
else
  compdef _pingperf pingperf
fi
)",
                     list, options, cases);
}

// ---- fish

std::string fish_line(const std::string& condition, const ArgumentWords& a) {
  std::string line = fmt::format("complete -c pingperf -n '{}'", condition);
  for (const std::string& name : a.names)
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  const bool takes = !a.value.empty() && !a.is_positional();
  if (takes) line += " -r";
  if (!a.choices.empty())
    line += fmt::format(" -f -a '{}'", fmt::join(a.choices, " "));
  else if (a.is_experiment())
    line += " -k -f -a '(__fish_complete_suffix .yaml)'";
  else if (a.is_directory())
    line += " -f -a '(__fish_complete_directories)'";
  else if (takes)
    line += " -f";
  if (!a.is_positional()) line += " -d '" + escape(a.doc, "\\'") + "'";
  return line + "\n";
}

std::string fish_completion(const Commands& commands) {
  std::string text =
      "# Completion of pingperf in fish; printed by `pingperf completion fish`.\n"
      "complete -c pingperf -f\n";
  for (const CommandWords& command : commands) {
    const std::string condition = command.name.empty()
                                      ? "__fish_use_subcommand"
                                      : "__fish_seen_subcommand_from " + command.name;
    if (!command.name.empty())
      text += fmt::format("complete -c pingperf -n __fish_use_subcommand -a {} -d '{}'\n",
                          command.name, escape(command.doc, "\\'"));
    for (const ArgumentWords& a : command.arguments)
      if (!a.is_positional() || a.is_experiment() || a.is_directory() || !a.choices.empty())
        text += fish_line(condition, a);
  }
  return text;
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
  const Commands commands = commands_of(app);
  if (shell == "bash") return bash_completion(commands);
  return shell == "zsh" ? zsh_completion(commands) : fish_completion(commands);
}

}  // namespace pingperf
