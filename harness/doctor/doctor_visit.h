// A visit of the doctor: asks the agents of an experiment, or of this host, and judges.
#pragma once

#include <string>
#include <vector>

#include "harness/agent/agents.h"
#include "harness/doctor/doctor.h"

namespace pingperf {

// A host, and what was found on it.
struct HostReport {
  std::string
      host;  // "this host", "client", "server", "both hosts" when they are one, "client of pair 2"
  Json facts;  // that its agent told in its hello
  Json now;    // that it found out for us
  std::vector<Finding> findings;
};

// This host, for whatever may be run on it. Throws ChannelError.
HostReport check_this_host(Nanoseconds observe);

// The hosts of an experiment's ends, each once. Throws ChannelError.
std::vector<HostReport> visit(const Experiment& experiment, Agents& agents, Nanoseconds observe);

// An array of {host, now, findings}, for environment.json, which has the facts already.
Json to_json(const std::vector<HostReport>& reports);

}  // namespace pingperf
