// Counts of the kernel's tracepoints: dropped packets by reason, TCP retransmissions, and others.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/agent/counter_texts.h"
#include "sockets/core/fd.h"

namespace pingperf {

// Counts tracepoints of the whole kernel with small BPF programs (bpf(2)), which end with this
// object. A program adds 1 in memory that this process can read, so a tracepoint costs a few
// nanoseconds, and reading costs no system call. Needs root, or CAP_BPF and CAP_PERFMON; without
// them, or on kernels before 5.8, it counts nothing.
class Tracepoints {
 public:
  // Starts to count dropped and retransmitted packets, which are rare. With `all`, also counts
  // every wake-up and NAPI poll. Skips tracepoints that are already counted.
  void count(bool all);
  // Returns the present counts by "tcp:tcp_retransmit_skb" and "skb:kfree_skb SOCKET_RCVBUFF".
  // Leaves out zeros.
  CounterValues read() const;

 private:
  struct Attached {
    std::string_view name;
    Fd link;
  };

  struct Unmap {
    void operator()(const std::uint64_t* counts) const noexcept;
  };

  bool make_memory();

  Fd map_;
  std::unique_ptr<const std::uint64_t, Unmap> counts_;  // the memory of map_; null: not permitted
  std::vector<Attached> attached_;
  std::vector<std::string> reasons_;  // by number; empty: the kernel names none
};

// Returns the names in the list of __print_symbolic() that the format of skb:kfree_skb ends with,
// by their numbers. Leaves out numbers from 256 on.
std::vector<std::string> drop_reasons(std::string_view format);

}  // namespace pingperf
