// Socket options: sets what an experiment requests and reads what the kernel has granted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sockets/core/options.h"

namespace pingperf {

// Sets an integer socket option. Throws std::system_error that names `what`.
void set_option(int fd, int level, int option, int value, const char* what);

// Applies `options` to a socket: buffers, busy polling and type of service; for TCP also congestion
// control, no-delay, MSS and pacing rate. Call it before the socket connects or listens, because
// the buffers determine the window scale (tcp(7)). Throws std::system_error that names the option.
void apply_options(int fd, const Options& options, int family);

// The current state of a connection, from TCP_INFO (tcp(7)).
struct TcpState {
  std::uint64_t retransmits;  // segments, since the start of the connection
  double rtt_ns;              // smoothed
  double rttvar_ns;
  double min_rtt_ns;  // the kernel's windowed minimum
  std::uint64_t cwnd_bytes;
  std::uint64_t mss_bytes;
  double delivery_rate_bps;
  double busy_s;  // time with data to send, since the start of the connection
  double rwnd_limited_s;
  double sndbuf_limited_s;
};

// Returns nullopt if `fd` is not a TCP socket.
std::optional<TcpState> tcp_state(int fd) noexcept;

// Returns the name of a TCP socket's congestion control; "" for other sockets.
std::string congestion_control_of(int fd);

// Returns the current SO_SNDBUF or SO_RCVBUF in bytes; nullopt on an error. The kernel doubles the
// requested value (socket(7)).
std::optional<std::uint64_t> buffer_size(int fd, int option) noexcept;

// Returns the MTU of the path to the peer of a connected socket over IP (IP_MTU, ip(7)); nullopt
// for other sockets.
std::optional<std::uint64_t> path_mtu(int fd) noexcept;

// Returns the number of received packets for which the socket had no room (SO_MEMINFO). Returns 0
// if the kernel does not know it (before 4.12).
std::uint64_t drops_of(int fd) noexcept;

}  // namespace pingperf
