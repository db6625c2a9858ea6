// The commands that an experiment executes: `launch:` and its short forms, and `pingperf:`. The
// user may not be the author of the file.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/experiment.h"

namespace pingperf {

// A command that starts an agent.
struct Launcher {
  std::string place;    // of its host in the file
  std::string command;  // one line: arguments quoted, control characters escaped
};

// Returns the commands for the hosts of the cases, in the file's order, each once. The commands of
// a lab come from pingperf and are left out.
std::vector<Launcher> launchers_of(const Experiment& experiment);

// Implements `--no-launch`: throws UsageError at the first host that a command would reach.
void refuse_launchers(const Experiment& experiment);

}  // namespace pingperf
