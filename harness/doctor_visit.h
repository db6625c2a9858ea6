// A visit of the doctor: asks the agents of an experiment, or of this host, and judges.
#pragma once

#include <string>
#include <vector>

#include "harness/channel.h"
#include "harness/doctor.h"

namespace pingperf {

// A host, and what was found on it.
struct HostReport {
  std::string host;  // "this host", "client", "server", or "both hosts" when they are one
  Json facts;        // that its agent told in its hello
  Json now;          // that it found out for us
  std::vector<Finding> findings;
};

// This host, for whatever may be run on it. Throws ChannelError.
HostReport visit_this_host(Nanoseconds observe);

// The hosts of an experiment's ends; one when both ends are on it. `server` is null when it is
// external. Throws ChannelError.
std::vector<HostReport> visit(const Experiment& experiment, Channel& client, Channel* server,
                              Nanoseconds observe);

// An array of {host, now, findings}, for environment.json, which has the facts already.
Json to_json(const std::vector<HostReport>& reports);

}  // namespace pingperf
