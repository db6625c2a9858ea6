// Stream connections (TCP, MPTCP, unix) that open with the session's token.
//
//   client                          server
//     | connect                       | listening
//     |--- token (16 bytes) --------->| compares; closes and counts any other peer
//     |<-- 1 byte: admitted ----------|
//     |        … payload …            |
#pragma once

#include "sockets/transport/transport.h"

namespace pingperf {

extern const TransportOps kStreams;

// A socket that listens on exactly config.address; as TransportOps::listen.
Fd listen_stream(const EndpointConfig& config);

// One connection to config.address, options applied, not yet admitted. Throws std::system_error.
Fd dial_stream(const EndpointConfig& config);

}  // namespace pingperf
