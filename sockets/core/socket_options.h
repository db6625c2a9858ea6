// Socket options: asked for by an experiment, checked against what the kernel gave.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sockets/core/options.h"

namespace pingperf {

// Sets an integer socket option. Throws std::system_error naming `what`.
void set_option(int fd, int level, int option, int value, const char* what);

// Applies the buffers, busy polling, type of service and, for TCP, congestion control, no-delay,
// MSS and pacing rate of `options` to a socket before it connects or listens (buffers shape the
// window scale: tcp(7)). Throws std::system_error naming the option.
void apply_options(int fd, const Options& options, int family);

// What tcp(7)'s TCP_INFO says of a connection now.
struct TcpState {
  std::uint64_t retransmits;  // segments, since the connection began
  double rtt_ns;              // smoothed
  double rttvar_ns;
  double min_rtt_ns;  // in the kernel's window
  std::uint64_t cwnd_bytes;
  std::uint64_t mss_bytes;
  double delivery_rate_bps;
  double busy_s;  // since the connection began: with data to send
  double rwnd_limited_s;
  double sndbuf_limited_s;
};

// Nothing when `fd` is not a TCP socket.
std::optional<TcpState> tcp_state(int fd) noexcept;

// The name of a TCP socket's congestion control; empty when it has none.
std::string congestion_control_of(int fd);

// SO_SNDBUF or SO_RCVBUF as it is now: the kernel doubles what is asked for (socket(7)).
std::optional<std::uint64_t> buffer_size(int fd, int option) noexcept;

}  // namespace pingperf
