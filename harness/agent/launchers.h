// The code that an experiment executes: the commands of `launch:` and its short forms, of
// `pingperf:`, the programs, and the libraries of `libiperf:`. The user may not be the author of
// the file.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/experiment.h"

namespace pingperf {

// A command that starts an agent, a command of a program, or a library that a worker loads.
struct Launcher {
  std::string location;  // of its host or program in the file; of a library: the case
  std::string command;   // one line: arguments quoted, control characters escaped
};

// Returns the commands for the hosts of the cases, in the file's order, each once, and many nodes
// of a list as one with {node} for their names. Then the programs of the cases and the libraries.
// The commands of a lab come from pingperf and are left out.
std::vector<Launcher> launchers_of(const Experiment& experiment);

// Implements `--no-launch`: throws UsageError at the first command or library.
void refuse_launchers(const Experiment& experiment);

}  // namespace pingperf
