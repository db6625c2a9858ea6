// UDP multicast (RFC 1112): one sender and several receivers, which are sockets of the server's
// process. The client opens its flow with hello and answer at the server's own address. Then it
// sends to the group, at the same port.
#pragma once

#include "sockets/transport/transport.h"

namespace pingperf {

// The server has a flow per receiver. Each receives from the client alone. The client has one flow,
// which receives from the server's address.
extern const TransportOps kMulticast;

// Returns the address of the group at the port of the flow's peer, and lets the flow send from the
// interface of its own address. Throws std::system_error.
Address group_of(int flow, const Options& options);

// Returns an error if the group is no IPv4 multicast address, or as validate_datagram().
std::optional<std::string> validate_multicast(const Options& options);

}  // namespace pingperf
