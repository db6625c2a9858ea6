#include "harness/agent/tracepoints.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "harness/base/io.h"
#include "harness/base/parse_number.h"

namespace pingperf {
namespace {

// The memory of the counts: first those of drops by reason, then one cache line per tracepoint.
constexpr std::uint32_t kReasons = 256;
constexpr std::uint32_t kLine = 8;  // counts
constexpr std::uint32_t kCounts = 512;
constexpr std::size_t kBytes = kCounts * sizeof(std::uint64_t);  // a page

struct Tracepoint {
  std::string_view group;
  const char* name;
  bool is_frequent;
};

constexpr Tracepoint kTracepoints[] = {{"skb", "kfree_skb", false},
                                       {"tcp", "tcp_retransmit_skb", false},
                                       {"napi", "napi_poll", true},
                                       {"sched", "sched_wakeup", true}};

constexpr std::uint32_t place_of(std::size_t tracepoint) {
  return kReasons + static_cast<std::uint32_t>(tracepoint) * kLine;
}

std::string full_name(const Tracepoint& tracepoint) {
  return fmt::format("{}:{}", tracepoint.group, tracepoint.name);
}

Fd bpf(int command, bpf_attr& attributes) {
  return Fd(static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes)));
}

std::uint64_t address_of(const void* data) {
  return reinterpret_cast<std::uintptr_t>(data);
}

// Loads the program of a tracepoint: counts[place + reason]++. The reason is the third argument of
// the tracepoint, 0 if it is too large, or if `by_reason` is false.
Fd load_program(int map, std::uint32_t place, bool by_reason) {
  constexpr auto index = BPF_REG_1, address = BPF_REG_2, result = BPF_REG_0;
  constexpr std::int16_t kThirdArgument = 16;
  constexpr std::uint8_t kMove = BPF_ALU64 | BPF_MOV | BPF_K;
  constexpr bpf_insn read_reason = {BPF_LDX | BPF_MEM | BPF_DW, index, index, kThirdArgument, 0};
  constexpr bpf_insn no_reason = {kMove, index, 0, 0, 0};
  const bpf_insn program[] = {
      by_reason ? read_reason : no_reason,
      {BPF_JMP | BPF_JLT | BPF_K, index, 0, 1, kReasons},
      no_reason,
      {BPF_ALU64 | BPF_LSH | BPF_K, index, 0, 0, 3},
      {BPF_LD | BPF_DW | BPF_IMM, address, BPF_PSEUDO_MAP_VALUE, 0, map},
      {0, 0, 0, 0, static_cast<std::int32_t>(place * sizeof(std::uint64_t))},
      {BPF_ALU64 | BPF_ADD | BPF_X, address, index, 0, 0},
      {kMove, index, 0, 0, 1},
      {BPF_STX | BPF_ATOMIC | BPF_DW, address, index, 0, BPF_ADD},
      {kMove, result, 0, 0, 0},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
  attributes.insns = address_of(program);
  attributes.insn_cnt = std::size(program);
  attributes.license = address_of("MIT");
  return bpf(BPF_PROG_LOAD, attributes);
}

Fd attach(const char* tracepoint, int program) {
  bpf_attr attributes{};
  attributes.raw_tracepoint.name = address_of(tracepoint);
  attributes.raw_tracepoint.prog_fd = static_cast<std::uint32_t>(program);
  return bpf(BPF_RAW_TRACEPOINT_OPEN, attributes);
}

// Returns a file of tracefs, from a mount of its own that no other process sees if the host has not
// mounted it. Returns "" if that fails.
std::string read_tracefs(const std::string& file) {
  if (const auto text = read_file("/sys/kernel/tracing/" + file)) return *text;
  const auto call = [](auto... arguments) { return Fd(static_cast<int>(::syscall(arguments...))); };
  const Fd context = call(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return "";
  const Fd mount = call(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0);
  const Fd opened(::openat(mount.get(), file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  while (opened && read_some(opened.get(), text)) {
  }
  return text;
}

}  // namespace

std::vector<std::string> drop_reasons(std::string_view format) {
  std::vector<std::string> reasons;
  const std::size_t list = format.find("__print_symbolic(REC->reason,");
  if (list == format.npos) return reasons;
  format.remove_prefix(list);
  for (std::size_t entry; (entry = format.find('{')) != format.npos;) {  // { 2, "NOT_SPECIFIED" }
    format.remove_prefix(entry + 1);
    const std::size_t comma = format.find(','), quote = format.find('"');
    if (comma == format.npos || quote == format.npos || comma > quote) break;
    const std::size_t end = format.find('"', quote + 1);
    if (end == format.npos) break;
    std::string_view digits = format.substr(0, comma);
    digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
    const auto number = parse_number<std::uint32_t>(digits);
    if (!number || *number >= kReasons) continue;
    if (reasons.size() <= *number) reasons.resize(*number + 1);
    reasons[*number] = format.substr(quote + 1, end - quote - 1);
  }
  return reasons;
}

void Tracepoints::Unmap::operator()(const std::uint64_t* counts) const noexcept {
  ::munmap(const_cast<std::uint64_t*>(counts), kBytes);
}

bool Tracepoints::make_memory() {
  if (counts_) return true;
  if (map_) return false;  // it has failed before
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = sizeof(std::uint32_t);
  attributes.value_size = kBytes;
  attributes.max_entries = 1;
  attributes.map_flags = BPF_F_MMAPABLE;
  map_ = bpf(BPF_MAP_CREATE, attributes);
  if (!map_) return false;
  void* const memory = ::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, map_.get(), 0);
  if (memory == MAP_FAILED) return false;
  counts_.reset(static_cast<const std::uint64_t*>(memory));
  reasons_ = drop_reasons(read_tracefs("events/skb/kfree_skb/format"));
  return true;
}

void Tracepoints::count(bool all) {
  if (!make_memory()) return;
  for (std::size_t i = 0; i < std::size(kTracepoints); ++i) {
    const Tracepoint& tracepoint = kTracepoints[i];
    if (tracepoint.is_frequent && !all) continue;
    if (std::ranges::find(attached_, tracepoint.name, &Attached::name) != attached_.end()) continue;
    const bool by_reason = i == 0 && !reasons_.empty();
    const Fd program = load_program(map_.get(), by_reason ? 0 : place_of(i), by_reason);
    attached_.push_back({tracepoint.name, attach(tracepoint.name, program.get())});
  }
}

CounterValues Tracepoints::read() const {
  CounterValues values;
  if (!counts_) return values;
  const auto add = [&](std::string name, std::uint32_t place) {
    const std::uint64_t count = __atomic_load_n(counts_.get() + place, __ATOMIC_RELAXED);
    if (count != 0) values[std::move(name)] += count;
  };
  for (std::size_t i = 0; i < std::size(kTracepoints); ++i)
    add(full_name(kTracepoints[i]), place_of(i));
  for (std::uint32_t reason = 0; reason < kReasons; ++reason) {
    const bool named = reason < reasons_.size() && !reasons_[reason].empty();
    add(fmt::format("{} {}", full_name(kTracepoints[0]),
                    named ? reasons_[reason] : std::to_string(reason)),
        reason);
  }
  return values;
}

}  // namespace pingperf
