// Reads the text of an experiment file, and of the files and hosts that it names.
#pragma once

#include <filesystem>
#include <string>

#include "harness/experiment/yaml.h"

namespace pingperf {

// The folders that relative paths count from: of the experiment's file, and of the command whose
// `--set` has the path. Both are absolute.
struct Folders {
  std::filesystem::path file;
  std::filesystem::path command;

  // Returns the folder for a path that stands at `mark`.
  const std::filesystem::path& of(const Mark& mark) const { return mark.line > 0 ? file : command; }
};

// Returns the folders of a file that this process reads. A pipe has the current folder.
Folders folders_of(const std::filesystem::path& file);

// Returns the text of an experiment file, with the texts of the files that it uses and the hosts
// that it looks up behind it. Throws UsageError if a file is missing, not a regular file, or too
// large, or if the hosts cannot be looked up.
// `no_launch` refuses hosts that a command looks up.
std::string read_experiment(const std::filesystem::path& file, bool no_launch = false);

}  // namespace pingperf
