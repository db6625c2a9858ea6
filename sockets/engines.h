// The engines of this folder, each made in a file of its own.
#pragma once

#include "sockets/engine.h"

namespace pingperf {

// Engine::unavailable of an engine that every POSIX host can run, and of one that needs MPTCP.
std::optional<std::string> always_available();
std::optional<std::string> mptcp_unavailable();

// A family has one summary, wherever its rows are.
inline constexpr std::string_view kBlockingSummary =
    "blocking calls, a thread per stream: the plain lesson code";
inline constexpr std::string_view kSpinSummary = "non-blocking calls, asked again and again";

std::span<const Engine> null_engines();
const Engine& blocking_tcp_throughput();
const Engine& blocking_udp_throughput();
std::span<const Engine> blocking_latency();
const Engine& blocking_tcp_connect();
std::span<const Engine> spin_latency();

}  // namespace pingperf
