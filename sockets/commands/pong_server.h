// The lesson's server, `pingperf pong`: sends back what it gets, never more.
#pragma once

#include <cstdint>

#include "sockets/core/fd.h"

namespace pingperf {

// Serves the clients of a listening stream socket, TCP v1 and v2 alike: echoes one client until it
// disconnects, however it goes, then takes the next from the backlog. `concurrent`: a thread for
// each, at most 1000 at once. Returns when the listener is shut down or fails (errno).
void serve_streams(int listener, bool concurrent) noexcept;

// Answers every UDP datagram with itself, but for those from a port below 1024 or equal to its own:
// of another echo, it may be. Returns when the socket is shut down or fails (errno).
void serve_datagrams(int socket) noexcept;

// Answers every ping that a raw socket gets (sockets/transport/raw.h). Returns as serve_datagrams()
// does.
void serve_raw(int socket) noexcept;

}  // namespace pingperf
