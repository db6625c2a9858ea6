// Facts about a host that affect its measurements.
#pragma once

#include <string>

namespace pingperf {

// Returns a JSON object of facts about this host and this build. Leaves out facts that cannot be
// read.
std::string host_facts();

// Returns true if this process has a capability of capabilities(7), such as CAP_BPF.
bool has_capability(int capability);

// Returns a text that identifies the network namespace of this process until the next boot, or ""
// if it is unknown.
std::string network_namespace();

}  // namespace pingperf
