// The engines of this folder, each made in a file of its own.
#pragma once

#include "sockets/engine.h"

namespace pingperf {

// Engine::unavailable of an engine that every POSIX host can run, and of one that needs MPTCP or
// raw sockets.
std::optional<std::string> always_available();
std::optional<std::string> mptcp_unavailable();
std::optional<std::string> raw_unavailable();

// A family has one summary, wherever its rows are.
inline constexpr std::string_view kBlockingSummary =
    "blocking calls, a thread per stream: the plain lesson code";
inline constexpr std::string_view kSpinSummary = "non-blocking calls, asked again and again";
inline constexpr std::string_view kHybridSummary =
    "asks again and again for spin_time, then sleeps in the kernel";
inline constexpr std::string_view kEpollSummary =
    "non-blocking calls, woken by epoll: many flows a thread";
inline constexpr std::string_view kIoUringSummary =
    "io_uring: send and receive in one system call, many flows a thread";

std::span<const Engine> null_engines();
std::span<const Engine> blocking_stream_throughput();
const Engine& blocking_udp_throughput();
std::span<const Engine> epoll_throughput();
const Engine& io_uring_throughput();
const Engine& splice_throughput();
std::span<const Engine> blocking_latency();
std::span<const Engine> blocking_connect();
std::span<const Engine> spin_latency();
std::span<const Engine> hybrid_latency();
std::span<const Engine> epoll_latency();
std::span<const Engine> io_uring_latency();

}  // namespace pingperf
