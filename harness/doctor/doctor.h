// Doctor: what on a host will spoil or limit results, judged from its facts alone.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "harness/experiment/experiment.h"

namespace pingperf {

// serious: it spoils results, those of the experiment where one is known. note: good to know.
enum class Severity { note, serious };

std::string_view name(Severity severity);

struct Finding {
  std::string subject;  // "governor"
  Severity severity = Severity::note;
  std::string what;    // is so
  std::string why;     // it matters
  std::string remedy;  // a command, or what to do
};

// What an experiment takes of a host that one or both of its ends run on.
struct Needs {
  std::set<std::uint64_t> pins;      // CPUs
  std::uint64_t threads = 0;         // of its ends here, at once, at most
  std::uint64_t spinning = 0;        // likewise of those that never sleep
  std::uint64_t send_buffer = 0;     // the largest that is asked for, in bytes
  std::uint64_t receive_buffer = 0;  //
  bool raw_sockets = false;
  bool kernel_stamps = false;
  bool iperf3_streams = false;   // several of them in one test
  std::set<std::string> qdiscs;  // "netem"

  static Needs of(const Experiment& experiment, bool client, bool server);
};

// `facts` are those of host_facts() and check_host(); a fact that is missing is no finding. With
// `needs`, what the experiment takes no part of is left out; without, the host is judged for
// whatever may come. The serious ones first.
std::vector<Finding> judge_host(const Json& facts, const std::optional<Needs>& needs);

}  // namespace pingperf
