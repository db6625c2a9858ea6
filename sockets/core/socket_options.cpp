#include "sockets/core/socket_options.h"

#include <linux/sock_diag.h>
#include <linux/tcp.h>  // the tcp_info of glibc's netinet/tcp.h is shorter
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <stdexcept>
#include <string>

#include "sockets/core/error.h"
#include "sockets/core/message_limits.h"

namespace pingperf {
namespace {

// Root may exceed net.core.{w,r}mem_max. For others the kernel silently reduces the value.
void set_buffer(int fd, int forced, int plain, std::uint64_t bytes, const char* what) {
  const int value = static_cast<int>(bytes);
  if (::setsockopt(fd, SOL_SOCKET, forced, &value, sizeof value) != 0)
    set_option(fd, SOL_SOCKET, plain, value, what);
}

// Throws std::system_error that lists the valid names. ENOENT: the kernel does not have the
// algorithm. EPERM: only root may choose it (tcp(7)).
void set_congestion_control(int fd, const std::string& name) {
  if (::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                   static_cast<socklen_t>(name.size())) == 0)
    return;
  const int error = errno;
  const std::string list = error == EPERM ? "allowed" : "available";
  std::ifstream in("/proc/sys/net/ipv4/tcp_" + list + "_congestion_control");
  std::string names;
  std::getline(in, names);
  errno = error;
  check(-1, "congestion_control '" + name + "' (" + list + ": " + names + ")");
}

// TCP paces without a queueing discipline.
void set_pacing_rate(int fd, std::uint64_t bps) {
  const std::uint64_t bytes_per_second = bps / 8;
  check(
      ::setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &bytes_per_second, sizeof bytes_per_second),
      "fq_rate");
}

// A datagram that is longer than the path's MTU fails with EMSGSIZE instead of going in fragments.
void forbid_fragments(int fd, int family) {
  if (family == AF_INET6)
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, "dont_fragment");
  else
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, "dont_fragment");
}

std::optional<std::uint64_t> number_of(int fd, int level, int option) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, level, option, &value, &size) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

void apply_tcp_options(int fd, const Options& options) {
  if (options.congestion_control) set_congestion_control(fd, *options.congestion_control);
  if (options.nodelay) set_option(fd, IPPROTO_TCP, TCP_NODELAY, *options.nodelay, "nodelay");
  if (options.mss) set_option(fd, IPPROTO_TCP, TCP_MAXSEG, static_cast<int>(*options.mss), "mss");
  if (options.fq_rate_bps) set_pacing_rate(fd, *options.fq_rate_bps);
}

}  // namespace

void set_option(int fd, int level, int option, int value, const char* what) {
  check(::setsockopt(fd, level, option, &value, sizeof value), what);
}

void apply_options(int fd, const Options& options, int family) {
  if (options.send_buffer)
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, *options.send_buffer, "send_buffer");
  if (options.receive_buffer)
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, *options.receive_buffer, "receive_buffer");
  if (options.tos && family == AF_INET6)
    set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, static_cast<int>(*options.tos), "tos");
  else if (options.tos)
    set_option(fd, IPPROTO_IP, IP_TOS, static_cast<int>(*options.tos), "tos");
  if (options.busy_poll)
    set_option(fd, SOL_SOCKET, SO_BUSY_POLL, static_cast<int>(*options.busy_poll / kMicrosecond),
               "busy_poll (values above net.core.busy_read require CAP_NET_ADMIN)");
  if (options.dont_fragment.value_or(false) && family != AF_UNIX) forbid_fragments(fd, family);
  const bool tcp = options.transport == Transport::tcp || options.transport == Transport::mptcp;
  if (tcp) apply_tcp_options(fd, options);
  if (family != AF_UNIX) return;
  if (const auto error = exceeds_send_buffer(fd, options)) throw std::runtime_error(*error);
}

std::optional<TcpState> tcp_state(int fd) noexcept {
  tcp_info info{};  // an older kernel fills only a part
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return TcpState{
      .retransmits = info.tcpi_total_retrans,
      .rtt_ns = info.tcpi_rtt * 1e3,
      .rttvar_ns = info.tcpi_rttvar * 1e3,
      .min_rtt_ns = info.tcpi_min_rtt * 1e3,
      .cwnd_bytes = static_cast<std::uint64_t>(info.tcpi_snd_cwnd) * info.tcpi_snd_mss,
      .mss_bytes = info.tcpi_snd_mss,
      .delivery_rate_bps = 8 * static_cast<double>(info.tcpi_delivery_rate),
      .busy_s = static_cast<double>(info.tcpi_busy_time) * 1e-6,
      .rwnd_limited_s = static_cast<double>(info.tcpi_rwnd_limited) * 1e-6,
      .sndbuf_limited_s = static_cast<double>(info.tcpi_sndbuf_limited) * 1e-6,
  };
}

std::string congestion_control_of(int fd) {
  char name[32] = "";
  socklen_t size = sizeof name - 1;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size) != 0) return "";
  return name;
}

std::uint64_t drops_of(int fd) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

std::optional<std::uint64_t> buffer_size(int fd, int option) noexcept {
  return number_of(fd, SOL_SOCKET, option);
}

std::optional<std::uint64_t> path_mtu(int fd) noexcept {
  const auto family = number_of(fd, SOL_SOCKET, SO_DOMAIN);
  if (family == AF_INET6) return number_of(fd, IPPROTO_IPV6, IPV6_MTU);
  return family == AF_INET ? number_of(fd, IPPROTO_IP, IP_MTU) : std::nullopt;
}

}  // namespace pingperf
