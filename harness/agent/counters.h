// The counters of this host, read before and after a trial.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/agent/counter_texts.h"
#include "harness/agent/driver_statistics.h"
#include "harness/agent/protocol.h"
#include "harness/agent/tracepoints.h"
#include "sockets/core/fd.h"

namespace pingperf {

// Reads the counters of the kernel and of the network namespace of this process. Only reads before
// the trial: texts are parsed after it. Leaves out what the kernel lacks or does not permit.
class HostCounters {
 public:
  HostCounters();

  // Keeps the present values of the counters that `request` names.
  void begin(const CountersRequest& request);
  // Returns the counters that have changed since begin(). Returns nothing without one.
  std::vector<CounterChange> end();

 private:
  // A file of /proc, which stays open.
  struct File {
    Fd fd;
    std::string before;
    std::string after;
  };

  bool is_requested(CounterSource source) const;

  CountersRequest request_;
  std::vector<File> files_;  // as in the table of files
  DriverStatistics drivers_;
  CounterValues driver_values_;
  std::optional<Tracepoints> tracepoints_;  // empty before the first request
  CounterValues tracepoint_counts_;
  bool has_begun_ = false;
};

}  // namespace pingperf
