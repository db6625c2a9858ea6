// Both ends of a trial in this process, for programs that look at an engine's loops alone.
#pragma once

#include "sockets/transport/engine.h"

namespace pingperf {

struct Ends {
  Measurement client;
  Measurement server;  // empty of an engine whose far side is the kernel's
};

// Options of `messages` pings or sends of the usual size, without a warmup.
Options options_of(const Engine& engine, std::uint64_t messages);

// What the server of a trial over loopback is told; the client dials the server's address instead.
Session local_session(const Engine& engine, const Options& options);

// Throws std::runtime_error when the end says that it went wrong.
void expect_well(const Measurement& measurement, const char* end);

// Runs both ends over loopback, the server on a thread of its own; pin.client and pin.server are
// kept. Throws what the set-up throws, and std::runtime_error when an end says that it went wrong.
Ends run_pair(const Engine& engine, const Options& options);

}  // namespace pingperf
