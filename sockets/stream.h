// Stream connections (TCP, MPTCP, unix) that open with the session's token.
//
//   client                          server
//     | connect                       | listening
//     |--- token (16 bytes) --------->| compares; a stranger is closed and counted
//     |<-- 1 byte: admitted ----------|
//     |        … payload …            |
#pragma once

#include <cstdint>
#include <vector>

#include "sockets/engine.h"
#include "sockets/fd.h"

namespace pingperf {

// A socket that listens on exactly session.address. Throws std::system_error; EADDRINUSE reads
// "port busy".
Fd listen_stream(const Session& session);

// The connections of the session's client, `count` of them, in the order of their admission.
// Strangers, mute ones too, hold nobody up. Throws std::runtime_error past session.deadline.
struct Admitted {
  std::vector<Fd> connections;
  std::uint64_t rejected_peers = 0;
};
Admitted admit_streams(int listener, const Session& session, std::size_t count);

// One connection to session.address, options applied, not yet admitted. Throws std::system_error.
Fd dial_stream(const Session& session);

// `count` connections to session.address, each admitted. Throws std::system_error or, when the
// server does not admit it by the deadline, std::runtime_error.
std::vector<Fd> connect_streams(const Session& session, std::size_t count);

}  // namespace pingperf
