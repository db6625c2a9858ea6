#include "sockets/ethernet/xdp_program.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <iterator>

#include "sockets/core/error.h"
#include "sockets/ethernet/ethernet.h"

namespace pingperf {
namespace {

constexpr std::uint32_t kQueues = 64;

bpf_insn load(int size, int to, int from, std::size_t offset) {
  return {static_cast<__u8>(BPF_LDX | BPF_MEM | size), static_cast<__u8>(to & 15),
          static_cast<__u8>(from & 15), static_cast<__s16>(offset), 0};
}

// Skips `skipped` instructions if the 32 bits of the register differ from `value`.
bpf_insn unless_equal(int reg, std::uint32_t value, std::int16_t skipped) {
  return {BPF_JMP32 | BPF_JNE | BPF_K, static_cast<__u8>(reg & 15), 0, skipped,
          static_cast<__s32>(value)};
}

// Loads the program: if the frame has the EtherType and the mark, bpf_redirect_map(map, queue),
// else XDP_PASS. Comparisons load what the frame has in memory, in network byte order.
Fd load_program(int map, const std::array<char, 8>& mark) {
  constexpr int context = BPF_REG_1, data = BPF_REG_2, end = BPF_REG_3, word = BPF_REG_4;
  constexpr std::size_t kType = kEthernetHeader - 2, kMark = kEthernetHeader;
  std::uint32_t words[2];
  std::memcpy(words, mark.data(), sizeof words);
  const bpf_insn program[] = {
      load(BPF_W, data, context, offsetof(xdp_md, data)),
      load(BPF_W, end, context, offsetof(xdp_md, data_end)),
      {BPF_ALU64 | BPF_MOV | BPF_X, word, data, 0, 0},
      {BPF_ALU64 | BPF_ADD | BPF_K, word, 0, 0, kFrameMark},
      {BPF_JMP | BPF_JGT | BPF_X, word, end, 12, 0},
      load(BPF_H, word, data, kType),
      unless_equal(word, htons(kEtherType), 10),
      load(BPF_W, word, data, kMark),
      unless_equal(word, words[0], 8),
      load(BPF_W, word, data, kMark + 4),
      unless_equal(word, words[1], 6),
      load(BPF_W, BPF_REG_2, context, offsetof(xdp_md, rx_queue_index)),
      {BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map},
      {0, 0, 0, 0, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS},  // if the queue has no socket
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  return Fd(
      ::bpf_prog_load(BPF_PROG_TYPE_XDP, "pingperf", "MIT", program, std::size(program), nullptr));
}

int attach(int program, int interface, std::uint32_t mode) {
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.flags = mode;
  return ::bpf_link_create(program, interface, BPF_XDP, &options);
}

}  // namespace

XdpProgram::XdpProgram(const std::string& interface, const std::array<char, 8>& mark)
    : map_(check(::bpf_map_create(BPF_MAP_TYPE_XSKMAP, "pingperf", sizeof(std::uint32_t),
                                  sizeof(std::uint32_t), kQueues, nullptr),
                 "map of an XDP program (requires CAP_BPF)")) {
  const Fd program = load_program(map_.get(), mark);
  check(program.get(), "load of an XDP program (requires CAP_BPF and CAP_NET_ADMIN)");
  const int index = static_cast<int>(::if_nametoindex(interface.c_str()));
  int link = attach(program.get(), index, XDP_FLAGS_DRV_MODE);
  if (link < 0 && errno != EBUSY) link = attach(program.get(), index, XDP_FLAGS_SKB_MODE);
  const char* const why = link < 0 && errno == EBUSY ? " has an XDP program already" : "";
  link_ = Fd(check(link, "interface '" + interface + "'" +
                             (*why ? why : " (an XDP program requires CAP_NET_ADMIN)")));
}

void XdpProgram::redirect_to(int socket, std::uint32_t queue) {
  check(::bpf_map_update_elem(map_.get(), &queue, &socket, 0), "socket of an XDP program");
}

}  // namespace pingperf
