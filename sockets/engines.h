// The engines of this folder, each defined in the file of its name.
#pragma once

#include "sockets/engine.h"

namespace pingperf {

// Engine::unavailable of an engine that every POSIX host can run.
std::optional<std::string> always_available();

const Engine& blocking_tcp_throughput();
const Engine& blocking_udp_throughput();
const Engine& blocking_tcp_latency();
const Engine& blocking_udp_latency();
const Engine& blocking_tcp_connect();

// The null engine measures the harness itself: one entry for every kind over tcp and udp.
std::span<const Engine> null_engines();

}  // namespace pingperf
