// TransportOps: the functions of a transport, which open the flows of a trial and reject
// unauthenticated peers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "sockets/core/fd.h"
#include "sockets/transport/engine.h"

namespace pingperf {

// The start of every datagram of a trial, in host byte order. Both hosts must have the same byte
// order, as x86 and ARM do.
struct DatagramHeader {
  std::uint64_t number;  // sequence number from 0, or one of the marks below
  std::int64_t value;    // send time; for kEnd: the number of datagrams sent
};

inline constexpr std::uint64_t kHello = ~0ull;
inline constexpr std::uint64_t kEnd = ~0ull - 1;
inline constexpr std::uint64_t kWelcome = ~0ull - 2;  // answer of a sink to a hello
inline constexpr std::size_t kMinDatagram = sizeof(DatagramHeader);

inline DatagramHeader header_of(const char* datagram) noexcept {
  DatagramHeader header;
  std::memcpy(&header, datagram, sizeof header);
  return header;
}

inline void set_header(char* datagram, DatagramHeader header) noexcept {
  std::memcpy(datagram, &header, sizeof header);
}

// The bytes in front of the header of a datagram. UDP and unix datagrams have none. A raw or ICMP
// message starts with a mark of 8 bytes; its receiver also gets the IPv4 header. A frame starts
// with its Ethernet header and a mark.
struct Framing {
  std::size_t mark_size = 0;
  std::array<char, 22> mark{};  // at the start of a sent message
  std::size_t ip_header = 0;    // size in front of the mark of a received message
  // Completes a message before it is sent, with a checksum for example. May be null.
  void (*seal)(char* message, std::size_t size) = nullptr;

  // The offsets of the header in sent and in received messages.
  std::size_t sent_offset() const noexcept { return mark_size; }
  std::size_t received_offset() const noexcept { return ip_header + mark_size; }
};

// The error of a client whose external server sends back other bytes than it has received.
inline constexpr const char* kOtherBytes = "answered with other bytes: not an echo server";

// Fills a message with pseudo-random bytes from the token, the same at both ends. A shift, loss or
// repetition of bytes changes the message.
void fill_pattern(std::span<char> message, const Token& token);

// The direction of a message with a mark.
enum class MarkDirection : char { ping = 1, pong = 2 };

// The mark of a raw message or a frame: "pp", a version, the direction, then the first 4 bytes of
// the token, which are secret and identify the flow.
using FlowMark = std::array<char, 8>;
FlowMark mark_of(const Token& token, MarkDirection direction);

// Returns `fd` as the flows of a transport that has one flow.
std::vector<Fd> one_flow(Fd fd);

// The functions of a transport.
struct TransportOps {
  // Returns a socket at config.address. Throws std::system_error, for EADDRINUSE with the text
  // "port busy".
  Fd (*listen)(const EndpointConfig&);

  // Returns the `count` flows of the client and adds the rejected peers to `rejected`. Peers
  // without the token do not delay the client, even if they are silent. Throws std::runtime_error
  // at the deadline.
  std::vector<Fd> (*admit)(Fd listener, const EndpointConfig&, std::size_t count,
                           std::uint64_t& rejected);

  // Returns `count` admitted flows to config.address. Throws std::system_error, or
  // std::runtime_error if the server has not admitted a flow by the deadline.
  std::vector<Fd> (*connect)(const EndpointConfig&, std::size_t count);

  // Returns the framing of datagrams. Null for streams.
  Framing (*framing)(int fd, const EndpointConfig&, bool is_server) = nullptr;

  bool is_stream() const noexcept { return framing == nullptr; }
};

}  // namespace pingperf
