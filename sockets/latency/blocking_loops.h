// The loops of the engines with a thread per flow for in_flight, think_time and size_mix. They are
// compiled apart from the plain loops, because the compiler inlines less in a larger file.
#pragma once

#include "sockets/core/io.h"
#include "sockets/latency/pingpong.h"

namespace pingperf {

// Runs the loop with several pings in flight.
template <Wait wait>
void run_pipelined(PingThread& t, Meter& meter, const EndpointConfig& config);

// Run the loops with pauses and with a mix of sizes, and the server's with a mix.
template <Wait wait>
void ping_shaped(PingThread& t, Meter& meter, const EndpointConfig& config);
template <Wait wait>
void pong_mixed(PingThread& t, Meter& meter, const EndpointConfig& config);

}  // namespace pingperf
