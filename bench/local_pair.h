// Runs both ends of a trial in this process, for programs that measure only an engine's loops.
#pragma once

#include "sockets/transport/engine.h"

namespace pingperf {

struct Ends {
  Measurement client;
  Measurement server;  // empty if the kernel answers instead of a server
};

// Returns options for `messages` pings or sends of the usual size, without warmup.
Options options_of(const Engine& engine, std::uint64_t messages);

// Returns the input of a server on loopback. The client requires the server's address instead.
EndpointConfig local_config(const Engine& engine, const Options& options);

// Throws std::runtime_error if the measurement has an error.
void expect_well(const Measurement& measurement, const char* end);

// Runs both ends over loopback, the server on its own thread. Applies pin.client and pin.server.
// Throws the exceptions of the set-up, and std::runtime_error if an end has an error.
Ends run_pair(const Engine& engine, const Options& options);

}  // namespace pingperf
