// Raw IP: datagrams of our own protocol number, and ICMP echo.
//
// A raw message is everything after the IP header:
//
//   bytes 0 … 7    mark: "pp", version, 1 = ping or 2 = pong, then 4 bytes that name the flow
//   bytes 8 … 23   DatagramHeader: number, value
//   the rest       payload
//
// Every raw socket of a host gets every packet of the protocol, its own too where both ends share
// an address. So each socket carries a filter (SO_ATTACH_FILTER) for its flow and direction: the
// kernel drops the rest before anyone is woken.
#pragma once

#include "sockets/transport/transport.h"

namespace pingperf {

inline constexpr int kRawProtocol = 253;  // for experimentation and testing (RFC 3692 §2.1)

enum class RawDirection : char { ping = 1, pong = 2 };

// One flow, opened as a datagram flow is: hello and answer, in a mark that is made of the token.
extern const TransportOps kRaw;

// ICMP echo requests, which the far kernel answers (RFC 792, RFC 4443). connect only.
extern const TransportOps kIcmp;

// Message sizes that leave no room for mark and header, as Engine::validate.
std::optional<std::string> validate_raw(const Options& options);

// A raw socket at `address` that gets every flow's pings, for a server that answers anyone. Throws
// std::system_error.
Fd open_raw_server(const Address& address);

// Bytes that recv() gives of a packet to `fd` in front of its mark.
std::size_t ip_header_size(int fd);

// Makes a pong of a received ping. Returns its size, which begins behind the IP header; 0: none.
std::size_t make_reply(char* packet, std::size_t size, std::size_t ip_header);

}  // namespace pingperf
