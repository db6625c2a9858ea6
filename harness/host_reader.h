// Reads an entry of an experiment's `hosts:`.
#pragma once

#include "harness/experiment.h"
#include "harness/yaml.h"

namespace pingperf {

// The host of one end, "client" or "server" by the entry's key. Throws UsageError.
Host read_host(const Node::Entry& entry);

}  // namespace pingperf
