// The commands of the pingperf CLI. Each returns its exit code (DESIGN: 0 all well, 1 a gate or
// regression, 2 wrong usage, 3 failed trials, 130 interrupted) or throws UsageError for 2.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/experiment.h"

namespace pingperf {

struct RunCommand {
  std::vector<std::string> files;
  std::filesystem::path results = "results";
  Overrides overrides;
  std::string resume;  // a run's directory; empty: a new run
  bool quiet = false;
  std::vector<std::string> command_line;
};

int run_command(const RunCommand& command);
int check_command(const std::vector<std::string>& files, const Overrides& overrides);
int plan_command(const std::string& file, const Overrides& overrides);
int engines_command();

}  // namespace pingperf
