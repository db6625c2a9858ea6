#include <bpf/bpf.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "sockets/core/fd.h"
#include "sockets/ethernet/ethernet.h"

namespace pingperf {

std::optional<std::string> packet_unavailable() {
  const Fd probe(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (probe) return std::nullopt;
  return std::string("packet sockets require CAP_NET_RAW (run as root): ") + std::strerror(errno);
}

std::optional<std::string> xdp_unavailable() {
  if (auto why = packet_unavailable()) return why;
  const Fd probe(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!probe && errno == EAFNOSUPPORT)
    return "the kernel has no AF_XDP sockets (CONFIG_XDP_SOCKETS)";
  if (!probe) return std::string("AF_XDP sockets require CAP_NET_RAW: ") + std::strerror(errno);
  const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS},
                           {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  const Fd program(::bpf_prog_load(BPF_PROG_TYPE_XDP, "pingperf", "MIT", pass, 2, nullptr));
  if (program) return std::nullopt;
  return std::string("XDP programs require CAP_BPF and CAP_NET_ADMIN (run as root): ") +
         std::strerror(errno);
}

}  // namespace pingperf
