// Checks the hosts of an experiment, or this host, by their agents.
#pragma once

#include <string>
#include <vector>

#include "harness/agent/agents.h"
#include "harness/base/json_fwd.h"
#include "harness/doctor/doctor.h"

namespace pingperf {

// The facts of a host and the findings on it.
struct HostReport {
  std::string host;   // "this host", "client", "server", "both hosts" or "client of pair 2"
  std::string facts;  // host_facts() of its agent's hello
  std::string now;    // check_host() of its agent
  // Changes that a killed run had left, which the agent undid at its start or could not undo.
  std::vector<std::string> undone;
  std::vector<std::string> not_undone;
  std::vector<Finding> findings;
  bool is_here = false;  // no launcher is between: the host is where pingperf itself runs
};

// Checks this host for experiments in general. Throws ChannelError.
HostReport check_this_host(Nanoseconds observe);

// Checks each host of the experiment once. Throws ChannelError.
std::vector<HostReport> check_hosts(const Experiment& experiment, Agents& agents,
                                    Nanoseconds observe);

// Returns an array of {host, now, findings} for environment.json, which has the facts elsewhere.
Json to_json(const std::vector<HostReport>& reports);

}  // namespace pingperf
