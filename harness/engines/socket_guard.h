// Admits only the trial's own client to the ports of libiperf, which has no token of its own.
//
// libiperf opens its sockets itself. So this program defines connect(2), bind(2), listen(2) and
// accept(2), which libiperf calls instead of those of the C library, shared or static:
//
//   client                                 server
//     | connect                              | listen: a thread accepts for libiperf
//     |--- TCP: token (16 bytes) ----------->| compares; rejects and counts other peers
//     |<-- 1 byte: admitted -----------------|
//     |        … libiperf's cookie …         | accept: returns the admitted connection
//     |                                      |
//     |                                      | bind: a socket filter passes only the token
//     |--- UDP: token, libiperf's hello ---->| connect: removes the filter
//
// Without a guard, the functions make the system calls and nothing else. Data pass through none of
// them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sockets/transport/engine.h"

namespace pingperf {

// Guards every socket that this process listens on or binds from now on. Called once per process.
// `connections` is the number of TCP connections that the client opens; after them, the port is
// closed.
void guard_server(const EndpointConfig& config, std::size_t connections);

// Shows the token on every connection that this process opens to config.address from now on. Called
// once per process.
void guard_client(const EndpointConfig& config);

// Ends the guard of the server. Returns the number of peers that it rejected; of datagrams, those
// that arrived before the client's.
std::uint64_t end_guard() noexcept;

}  // namespace pingperf
