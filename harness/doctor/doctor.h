// Doctor: finds the properties of a host that spoil or limit results. Reads nothing but the facts.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/experiment/experiment.h"

namespace pingperf {

// serious: spoils results of the experiment, or of any if none is given. note: good to know.
enum class Severity { note, serious };

std::string_view name(Severity severity);

struct Finding {
  std::string subject;  // "governor"
  Severity severity = Severity::note;
  std::string what;        // the fact
  std::string why;         // the reason why it matters
  std::string remedy;      // a command or an instruction
  bool stops_run = false;  // the experiment itself does not suit the host
};

// The requirements of an experiment on a host that one or both of its ends run on.
struct HostRequirements {
  std::set<std::string> pins;        // sets of CPUs
  std::uint64_t threads = 0;         // maximum of its ends on this host at one time
  std::uint64_t spinning = 0;        // threads that never sleep
  std::uint64_t streams = 1;         // maximum of a trial
  std::uint64_t send_buffer = 0;     // largest, in bytes
  std::uint64_t receive_buffer = 0;  // largest, in bytes
  bool raw_sockets = false;
  bool xdp = false;
  bool kernel_stamps = false;
  bool iperf3_streams = false;   // more than one stream per test
  std::set<std::string> qdiscs;  // such as "netem"

  static HostRequirements of(const Experiment& experiment, bool client, bool server);
};

// Returns the findings for `facts` of host_facts() and check_host(), serious ones first. A missing
// fact is not a finding. With `requirements`, leaves out findings that do not affect the
// experiment.
std::vector<Finding> judge_host(const Json& facts,
                                const std::optional<HostRequirements>& requirements);

}  // namespace pingperf
