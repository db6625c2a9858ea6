// The client's loops of the engines with a thread per flow for in_flight and think_time. They are
// compiled apart from the plain loops, because the compiler inlines less in a larger file.
#pragma once

#include "sockets/core/io.h"
#include "sockets/latency/pingpong.h"

namespace pingperf {

// Runs the loop with several pings under way.
template <Wait wait>
void run_pipelined(PingThread& t, Meter& meter, const EndpointConfig& config);

// Runs the loop with pauses.
template <Wait wait>
void run_thinking(PingThread& t, Meter& meter, const EndpointConfig& config);

}  // namespace pingperf
