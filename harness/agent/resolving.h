// Addresses as one host sees them: names that it resolves, and the addresses of its interfaces.
#pragma once

#include "harness/agent/protocol.h"

namespace pingperf {

// Answers a request on this host. Blocks as long as the resolver does. An error is in the answer.
Resolved resolve_here(const ResolveRequest& request);

}  // namespace pingperf
