// Raw IP: datagrams with an experimental protocol number, and ICMP echo.
//
// A raw message is everything after the IP header:
//
//   bytes 0 … 7    mark: "pp", version, 1 = ping or 2 = pong, then 4 bytes of the flow's token
//   bytes 8 … 23   DatagramHeader: number, value
//   the rest       payload
//
// Every raw socket of a host receives every packet of its protocol. If both ends have the same
// address, it also receives its own packets. So each socket has a filter (SO_ATTACH_FILTER) for its
// flow and direction. The kernel drops other packets without a wake-up.
#pragma once

#include "sockets/transport/transport.h"

namespace pingperf {

// One flow, which opens with hello and answer like a datagram flow. Each message has a mark.
extern const TransportOps kRaw;

// ICMP echo requests, which the kernel of the other host answers (RFC 792, RFC 4443). Has only
// `connect` and `framing`.
extern const TransportOps kIcmp;

// Returns an error if message_size or response_size is too small for mark and header or too large
// for a packet, as Engine::validate.
std::optional<std::string> validate_raw(const Options& options);

// Returns a raw socket at `address` that receives the pings of all flows, for a server without a
// token. Throws std::system_error.
Fd open_raw_server(const Address& address);

// Returns the number of bytes that recv(2) returns in front of the mark. Throws std::system_error.
std::size_t ip_header_size(int fd);

// Turns a received ping into its pong, which starts after the IP header. Returns the size of the
// pong, or 0 if the packet is too short.
std::size_t make_reply(char* packet, std::size_t size, std::size_t ip_header);

}  // namespace pingperf
