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

// A socket that listens on exactly session.address; as TransportOps::listen.
Fd listen_stream(const Session& session);

// One connection to session.address, options applied, not yet admitted. Throws std::system_error.
Fd dial_stream(const Session& session);

}  // namespace pingperf
