// What the command line takes, read from CLI11's App: completion and manual come from here, and so
// know what the program knows.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace pingperf {

struct ArgumentWords {
  std::vector<std::string> names;    // "-o", "--output"; of a positional none
  std::string value;                 // what it takes: "DIR"; of a flag nothing
  std::vector<std::string> choices;  // the only values that it takes
  std::string doc;
  std::string standard;  // its value unless set
  bool required = false;
  bool repeats = false;

  bool is_positional() const { return names.empty(); }
  // What such a value names, for a shell to complete.
  bool is_experiment() const { return value == "FILE"; }
  bool is_directory() const { return value == "DIR" || value == "RUN" || value == "BASE NEW"; }
};

struct CommandWords {
  std::string name;  // of the program itself: empty
  std::string doc;
  std::vector<ArgumentWords> arguments;
};

// The program, then its commands, without those that are for no person.
std::vector<CommandWords> commands_of(const CLI::App& app);

// The script that completes `pingperf` in "bash", "zsh" or "fish".
std::string completion(const CLI::App& app, const std::string& shell);

// pingperf(1) and pingperf-experiment(5), as man(7) has them.
std::string manual_of_commands(const CLI::App& app);
std::string manual_of_experiments();

}  // namespace pingperf
