#include "sockets/transport/availability.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "sockets/core/fd.h"

namespace pingperf {

std::optional<std::string> always_available() {
  return std::nullopt;
}

std::optional<std::string> mptcp_unavailable() {
  const Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
  if (probe) return std::nullopt;
  return std::string("MPTCP is not available (sysctl net.mptcp.enabled=1): ") +
         std::strerror(errno);
}

std::optional<std::string> raw_unavailable() {
  const Fd probe(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  if (probe) return std::nullopt;
  return std::string("raw sockets require CAP_NET_RAW (run as root): ") + std::strerror(errno);
}

std::optional<std::string> validate_threads(const Options& o) {
  if (o.threads.value_or(1) <= o.streams.value_or(1)) return std::nullopt;
  return "threads: must not exceed streams, because further threads would have nothing to do";
}

}  // namespace pingperf
