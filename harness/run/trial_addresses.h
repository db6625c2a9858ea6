// The addresses of one trial: where its server binds, and where its client dials.
#pragma once

#include <cstdint>
#include <string>

#include "harness/experiment/experiment.h"

namespace pingperf {

// Where a variant leads the trials of a pair of hosts.
struct TrialPath {
  std::string server_address;     // the server binds to it; empty: that of its host
  std::uint16_t server_port = 0;  // 0: that of the case, or any
  bool has_services = false;
  std::string dial;  // Address::to_string() for the client; empty: the server's
};

// Returns the address that the server binds to: that of the experiment, else loopback. A unix
// socket gets a random abstract name, which leaves no file, and a vsock any port.
std::string bind_address(const Host& server, const Options& options, const TrialPath& path);

// Returns where the client reaches a server that binds to another address than it dials: NAT and
// services keep the port. `bound` is the address of the ready server.
std::string dialled_address(const Host& server, const Options& options, const std::string& bound);

}  // namespace pingperf
