// Datagram flows (UDP, unix) that open with the session's token, and the header of their datagrams.
//
//   client                          server
//     |--- hello + token ------------>| compares; connects its socket to this peer alone
//     |<-- the same datagram ---------|   (never more bytes than came; a sink's is a welcome)
//     |        … payload …            |
//     |--- end + count (thrice) ----->|
//
// The client repeats its hello until it is answered; the server answers repeats while it runs.
#pragma once

#include "sockets/transport/transport.h"

namespace pingperf {

// Each flow's socket is connected to its one peer, so that the kernel drops what anyone else sends.
extern const TransportOps kDatagrams;

// The datagram that opens a flow, and its answer.
struct Hello {
  std::uint64_t mark = kHello;
  Token token;
};
bool is_hello(const char* datagram, std::size_t size, const Token& token);
bool is_answer(const char* datagram, std::size_t size, const Token& token);

// How long a client waits for the answer to its hello before it repeats it.
inline constexpr Nanoseconds kHelloRetry = 50 * kMillisecond;

// A socket bound to exactly config.address; as TransportOps::listen.
Fd bind_datagram(const EndpointConfig& config);

// Tells the peer that `count` datagrams were sent: three times, since any may be lost.
void send_end(int fd, std::uint64_t count) noexcept;

// A message that is too small for the header, as Engine::validate.
std::optional<std::string> validate_datagram(const Options& options);

}  // namespace pingperf
