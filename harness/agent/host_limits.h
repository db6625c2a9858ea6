// limits_here() names the trials of an experiment that cannot run on this host, with the reasons.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/experiment.h"

namespace pingperf {

// Returns a line per reason why trials whose ends both run on this host cannot run, with the first
// case, the reason and the remedy. Of a lab only what its namespaces share is judged. Other hosts
// are only known when their agents have started. The doctor judges pins itself and leaves them out.
std::vector<std::string> limits_here(const Experiment& experiment, bool with_pins = true);

}  // namespace pingperf
