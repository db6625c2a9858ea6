// The agent: the process on a host that runs endpoints for a controller (protocol.h), each in a
// worker process with a deadline. It opens no port.
#pragma once

namespace pingperf {

// Serves the requests that arrive on `in` and writes events to `out`. First makes descriptor 0
// /dev/null and 1 a copy of stderr, so that no other code can disturb the protocol. Returns the
// exit status: 0 at the end of `in`, 1 when the controller broke the protocol (which is reported to
// it) or has ended. No worker outlives the call.
int run_agent(int in, int out);

}  // namespace pingperf
