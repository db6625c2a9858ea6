#include "sockets/transport/availability.h"

#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "sockets/core/address.h"
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

std::optional<std::string> icmp_unavailable() {
  if (!raw_unavailable()) return std::nullopt;
  const Fd probe(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP));
  if (probe) return std::nullopt;
  return std::string(
             "ICMP requires CAP_NET_RAW (run as root) or a group in the sysctl "
             "net.ipv4.ping_group_range: ") +
         std::strerror(errno);
}

std::optional<std::string> vsock_unavailable() {
  const Fd probe(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address local = Address::vsock(VMADDR_CID_LOCAL, VMADDR_PORT_ANY);
  if (probe && ::bind(probe.get(), local.data(), local.size()) == 0) return std::nullopt;
  return std::string("vsock requires its loopback (modprobe vsock_loopback): ") +
         std::strerror(errno);
}

std::optional<std::string> validate_threads(const Options& o) {
  if (o.threads.value_or(1) <= o.streams.value_or(1)) return std::nullopt;
  return "threads: must not exceed streams, because further threads would have nothing to do";
}

}  // namespace pingperf
