// Ports of programs: whether something listens there, and which ones are free.
#pragma once

#include "sockets/core/address.h"
#include "sockets/core/fd.h"

namespace pingperf {

// Returns true if a socket of this host receives what is sent to the address: a socket that
// listens, or a bound one of UDP. It may be bound to all addresses, and to any if the address is
// not one of this host's, or stands for all of them. Reads /proc/net (proc(5)), because a
// connection would disturb a server. Returns false for an address of IP without a port.
bool has_listener(const Address& address);

// A port that is free, like the one above it, for TCP and UDP. It is below the usual ephemeral
// ports, so the kernel gives it to nobody. No other process of pingperf in the network namespace
// gets it while `claim`, a unix socket with the port in its name, is open.
struct FreePort {
  Address address;
  Fd claim;
};

// Returns a free port at an address of IP. Throws std::runtime_error if there is none.
FreePort find_free_port(const Address& address);

}  // namespace pingperf
