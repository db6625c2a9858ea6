// Completion in a shell: the scripts in tools/completions/ call `pingperf complete -- WORDS`.
#pragma once

#include <string>
#include <vector>

namespace pingperf {

struct ArgumentSpec {
  std::vector<std::string> names;    // "-o", "--output"; empty for a positional argument
  std::string value;                 // "DIR"; empty for a flag
  std::vector<std::string> choices;  // empty: any value
  std::string doc;
};

struct CommandSpec {
  std::string name;  // "history add"; empty for the program itself
  std::string doc;
  std::vector<ArgumentSpec> arguments;
};

// Returns the candidates for the last of `words`, which follow "pingperf". A candidate is a line,
// or a line with a tab and a description. The shell chooses the candidates that match. In place of
// files it gets ":experiments" or ":directories", since it lists files itself.
std::string completions(const std::vector<CommandSpec>& commands, std::vector<std::string> words);

}  // namespace pingperf
