// Availability: checks whether an engine can run on this host. Also texts and checks that several
// engines share.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sockets/core/options.h"

namespace pingperf {

// The host cannot do what the options of a trial require. Thrown by Engine::listen and
// Engine::connect; the trial is then refused.
class Unavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Engine::unavailable of engines that every host can run, and of engines that require MPTCP, raw
// sockets, ICMP or vsock.
std::optional<std::string> always_available();
std::optional<std::string> mptcp_unavailable();
std::optional<std::string> raw_unavailable();
std::optional<std::string> icmp_unavailable();
std::optional<std::string> vsock_unavailable();

// Returns an error if there are more threads than streams, as Engine::validate.
std::optional<std::string> validate_threads(const Options& options);

// Summaries, one per family of engines.
inline constexpr std::string_view kBlockingSummary = "blocking calls, one thread per stream";
inline constexpr std::string_view kSpinSummary = "non-blocking calls in a polling loop";
inline constexpr std::string_view kHybridSummary = "polls for spin_time, then sleeps in the kernel";
inline constexpr std::string_view kEpollSummary =
    "non-blocking calls, woken by epoll: many flows per thread";
inline constexpr std::string_view kTlsSummary =
    "TLS 1.3 by OpenSSL with blocking calls, one thread per stream";
inline constexpr std::string_view kIoUringSummary =
    "io_uring: send and receive in one system call, many flows per thread";

}  // namespace pingperf
