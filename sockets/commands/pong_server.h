// The servers of `pingperf pong`: they send back what they receive, and never more.
#pragma once

#include <cstdint>

#include "sockets/core/fd.h"

namespace pingperf {

// Serves the clients of a listening stream socket, for TCP v1 and v2. Echoes one client until it
// disconnects or fails, then accepts the next one. `concurrent`: serves each client in its own
// thread, at most 1000 clients at once. Returns when the listener is shut down or fails (errno).
void serve_streams(int listener, bool concurrent) noexcept;

// Echoes UDP datagrams, except those from a port below 1024 or equal to its own, since their sender
// may be another echo service. Returns when the socket is shut down or fails (errno).
void serve_datagrams(int socket) noexcept;

// Answers every ping that a raw socket receives (sockets/transport/raw.h). Returns when the socket
// is shut down or fails (errno).
void serve_raw(int socket) noexcept;

}  // namespace pingperf
