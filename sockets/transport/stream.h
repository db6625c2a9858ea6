// Stream connections (TCP, MPTCP, unix) that begin with the token of the trial.
//
//   client                          server
//     | connect                       | listening
//     |--- token (16 bytes) --------->| compares; rejects and counts other peers
//     |<-- 1 byte: admitted ----------|
//     |        … payload …            |
#pragma once

#include "sockets/transport/transport.h"

namespace pingperf {

extern const TransportOps kStreams;

// Returns a socket that listens on config.address; as TransportOps::listen.
Fd listen_stream(const EndpointConfig& config);

// Returns a socket with the options applied, which is not connected. `flags` are those of
// socket(2), such as SOCK_NONBLOCK. Throws std::system_error.
Fd open_stream(const EndpointConfig& config, int flags = 0);

// Returns a connection to config.address with the options applied, which the server has not
// admitted. Throws std::system_error.
Fd dial_stream(const EndpointConfig& config);

// The two halves of dial_stream(). start_dial() returns a non-blocking socket whose connect is
// in progress; the socket can be written once the connect has ended. finish_dial() throws
// std::system_error if it has failed.
Fd start_dial(const EndpointConfig& config);
void finish_dial(int fd, const EndpointConfig& config);

}  // namespace pingperf
