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

// How every datagram of ours begins, in the byte order of the two hosts, which must agree (x86,
// ARM).
struct DatagramHeader {
  std::uint64_t number;  // sequence number from 0, or one of the marks below
  std::int64_t value;    // send time; of an end: how many datagrams were sent
};

inline constexpr std::uint64_t kHello = ~0ull;
inline constexpr std::uint64_t kEnd = ~0ull - 1;
inline constexpr std::uint64_t kWelcome = ~0ull - 2;  // a sink's answer to a hello
inline constexpr std::size_t kMinDatagram = sizeof(DatagramHeader);

inline DatagramHeader header_of(const char* datagram) noexcept {
  DatagramHeader header;
  std::memcpy(&header, datagram, sizeof header);
  return header;
}

inline void set_header(char* datagram, DatagramHeader header) noexcept {
  std::memcpy(datagram, &header, sizeof header);
}

// What stands around the header of a datagram. UDP and unix: nothing. A raw or ICMP message is a
// mark of 8 bytes, the header, and the rest; its receiver gets the IPv4 header in front.
struct Framing {
  std::size_t mark_size = 0;
  std::array<char, 8> mark{};  // in front of what is sent
  std::size_t ip_header = 0;   // bytes in front of the mark of what is received
  void (*seal)(char* message, std::size_t size) = nullptr;  // before every send: a checksum

  // Where the header is, from the start of what is sent and of what is received.
  std::size_t sent_offset() const noexcept { return mark_size; }
  std::size_t received_offset() const noexcept { return ip_header + mark_size; }
};

// Bytes in which a shift, a loss or a repetition would show, the same at both ends.
void fill_pattern(std::span<char> message, const Token& token);

struct TransportOps {
  // A socket at exactly config.address. Throws std::system_error; EADDRINUSE reads "port busy".
  Fd (*listen)(const EndpointConfig&);

  // The flows of the session's client, `count` of them; adds to `rejected`. Peers without
  // the token, silent ones too, delay no other. Throws std::runtime_error past config.deadline.
  std::vector<Fd> (*admit)(Fd listener, const EndpointConfig&, std::size_t count,
                           std::uint64_t& rejected);

  // `count` flows to config.address, each admitted. Throws std::system_error or, when the server
  // does not admit it by the deadline, std::runtime_error.
  std::vector<Fd> (*connect)(const EndpointConfig&, std::size_t count);

  // Of datagrams; null for streams.
  Framing (*framing)(int fd, const EndpointConfig&, bool is_server) = nullptr;

  bool is_stream() const noexcept { return framing == nullptr; }
};

}  // namespace pingperf
