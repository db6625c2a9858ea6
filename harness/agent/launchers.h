// What an experiment has executed: `launch:` and its short forms, and `pingperf:`, are commands in
// a file that someone else may have written.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/experiment.h"

namespace pingperf {

// A command of the file's that starts an agent.
struct Launcher {
  std::string place;    // of its host in the file
  std::string command;  // as one line for a reader: words quoted, control characters escaped
};

// Those of the hosts that the cases run on, in the file's order; no command twice. A lab's are our
// own, and not among them.
std::vector<Launcher> launchers_of(const Experiment& experiment);

// `--no-launch`. Throws UsageError at the first host that would be reached by a command.
void refuse_launchers(const Experiment& experiment);

}  // namespace pingperf
