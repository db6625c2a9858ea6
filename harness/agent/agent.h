// The agent: a process that runs endpoints on its host for a controller (protocol.h). Each endpoint
// has a worker process with a deadline. The agent opens no port.
#pragma once

namespace pingperf {

// Serves the requests that arrive on `in` and writes events to `out`. Redirects descriptor 0 to
// /dev/null and 1 to stderr, so that no other code can disturb the protocol. Returns the exit
// status: 0 at the end of `in`, 1 if the controller broke the protocol or has ended. Reports a
// broken protocol to the controller. No worker outlives the call.
int run_agent(int in, int out);

}  // namespace pingperf
