// Resolves the data addresses of an experiment on the hosts that use them.
#pragma once

#include <cstdint>
#include <string>

#include "harness/agent/agents.h"
#include "harness/experiment/experiment.h"

namespace pingperf {

// Makes the servers' addresses numeric, before the first trial, and all at once: the client's host
// resolves a name, because it dials it. The server's host knows the addresses of its interfaces,
// and the scope of its own link-local address. An IPv4 address comes before an IPv6 one. Throws
// UsageError that names the host and what it could not resolve.
void resolve_addresses(Experiment& experiment, Agents& agents);

// Returns true if the client dials the server's data address.
bool is_over_ip(Transport transport);

// Returns "192.0.2.1:5201" or "[2001:db8::1]:5201".
std::string with_port(const std::string& host, std::uint16_t port);

}  // namespace pingperf
