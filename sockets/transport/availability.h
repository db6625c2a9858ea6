// Availability: whether an engine can run here. Summaries that several rows share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sockets/core/options.h"

namespace pingperf {

// Engine::unavailable of an engine that every POSIX host can run, and of one that needs MPTCP or
// raw sockets.
std::optional<std::string> always_available();
std::optional<std::string> mptcp_unavailable();
std::optional<std::string> raw_unavailable();

// More threads than streams, as Engine::validate.
std::optional<std::string> validate_threads(const Options& options);

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

}  // namespace pingperf
