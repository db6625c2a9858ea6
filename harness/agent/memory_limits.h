// memory_limit() names a case whose buffers this host has no memory for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/experiment/experiment.h"

namespace pingperf {

// The memory of this host, in bytes; an empty limit is none, or unknown.
struct HostMemory {
  std::optional<std::uint64_t> available = {};   // MemAvailable of proc_meminfo(5)
  std::optional<std::uint64_t> of_groups = {};   // of the control groups of this process
  std::optional<std::uint64_t> of_process = {};  // RLIMIT_AS (getrlimit(2))
  std::optional<std::uint64_t> locked = {};      // RLIMIT_MEMLOCK, if it applies to this user

  static HostMemory here();
};

// Returns the reason why a trial of the case, whose ends both run on the host, gets no memory for
// its buffers, with the limit and the remedy.
std::optional<std::string> memory_limit(const Case& c, const HostMemory& host);

}  // namespace pingperf
