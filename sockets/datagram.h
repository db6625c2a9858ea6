// Datagram flows (UDP, unix) that open with the session's token, and the header of their datagrams.
//
//   client                          server
//     |--- hello + token ------------>| compares; connects its socket to this peer alone
//     |<-- the same datagram ---------|   (never more bytes than came)
//     |        … payload …            |
//     |--- end + count (thrice) ----->|
//
// The client repeats its hello until it is answered; the server answers repeats while it runs.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "sockets/engine.h"
#include "sockets/fd.h"

namespace pingperf {

// How every datagram begins, in the byte order of the two hosts, which must agree (x86, ARM).
struct DatagramHeader {
  std::uint64_t number;  // sequence number from 0, or one of the marks below
  std::int64_t value;    // send time; of an end: how many datagrams were sent
};

inline constexpr std::uint64_t kHello = ~0ull;
inline constexpr std::uint64_t kEnd = ~0ull - 1;
inline constexpr std::size_t kSmallestDatagram = sizeof(DatagramHeader);

inline DatagramHeader header_of(const char* datagram) noexcept {
  DatagramHeader header;
  std::memcpy(&header, datagram, sizeof header);
  return header;
}

inline void set_header(char* datagram, DatagramHeader header) noexcept {
  std::memcpy(datagram, &header, sizeof header);
}

// A socket bound to exactly session.address. Throws std::system_error ("port busy").
Fd bind_datagram(const Session& session);

// The flows of the session's client: sockets each connected to one peer, so that the kernel drops
// what anyone else sends. `first` is the bound socket. Throws std::runtime_error past the deadline.
struct AdmittedFlows {
  std::vector<Fd> flows;
  std::uint64_t rejected_peers = 0;
};
AdmittedFlows admit_flows(Fd first, const Session& session, std::size_t count);

// `count` flows to session.address, each admitted. Throws as connect_streams does.
std::vector<Fd> connect_flows(const Session& session, std::size_t count);

// Tells the peer that `count` datagrams were sent: three times, since any may be lost.
void send_end(int fd, std::uint64_t count) noexcept;

// A message that is too small for the header, as Engine::objection.
std::optional<std::string> datagram_objection(const Options& options);

}  // namespace pingperf
