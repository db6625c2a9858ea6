#include "sockets/transport/raw.h"

#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/size_mix.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/availability.h"
#include "sockets/transport/datagram.h"

namespace pingperf {
namespace {

constexpr int kRawProtocol = 253;  // for experimentation and testing (RFC 3692 §2.1)
constexpr std::size_t kMark = sizeof(FlowMark);
constexpr std::size_t kIpv4Header = 20;  // both ends send packets without IP options

// Returns 4 bytes as a filter loads them: in network byte order.
std::uint32_t word(const char* bytes) {
  std::uint32_t w;
  std::memcpy(&w, bytes, sizeof w);
  return ntohl(w);
}

// A comparison: the 32-bit word at `offset` of the message, masked with `mask`, must be `value`.
struct Condition {
  std::uint32_t offset;
  std::uint32_t mask;
  std::uint32_t value;
};

// Attaches a filter that passes messages that meet all conditions (SO_ATTACH_FILTER, socket(7)).
// Received IPv4 packets have their IP header, IPv6 packets do not (raw(7), ipv6(7)).
void attach_filter(int fd, int family, const std::vector<Condition>& conditions) {
  std::vector<sock_filter> program;
  const auto add = [&](int code, std::uint32_t k, std::uint8_t jt = 0, std::uint8_t jf = 0) {
    program.push_back({static_cast<std::uint16_t>(code), jt, jf, k});
  };
  const bool has_header = family == AF_INET;
  if (has_header) add(BPF_LDX | BPF_B | BPF_MSH, 0);  // X: the length of the IP header
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const Condition& c = conditions[i];
    add(BPF_LD | BPF_W | (has_header ? BPF_IND : BPF_ABS), c.offset);
    add(BPF_ALU | BPF_AND | BPF_K, c.mask);
    const auto to_reject = static_cast<std::uint8_t>(3 * (conditions.size() - 1 - i) + 1);
    add(BPF_JMP | BPF_JEQ | BPF_K, c.value, 0, to_reject);
  }
  add(BPF_RET | BPF_K, UINT32_MAX);
  add(BPF_RET | BPF_K, 0);
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  check(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), "SO_ATTACH_FILTER");
}

// Discards the packets that arrived before the socket had its filter or its peer.
void discard_queued(int fd) {
  char byte;
  while (::recv(fd, &byte, 1, MSG_DONTWAIT) >= 0) {
  }
}

Fd open_raw(const EndpointConfig& config, int protocol) {
  const int family = config.address.family();
  Fd fd(check(::socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol),
              "raw socket (requires CAP_NET_RAW)"));
  apply_options(fd.get(), config.options, family);
  return fd;
}

// Returns a raw socket that receives only the packets of the trial in one direction.
Fd open_flow(const EndpointConfig& config, MarkDirection direction) {
  Fd fd = open_raw(config, kRawProtocol);
  const FlowMark mark = mark_of(config.token, direction);
  attach_filter(fd.get(), config.address.family(),
                {{0, UINT32_MAX, word(mark.data())}, {4, UINT32_MAX, word(mark.data() + 4)}});
  discard_queued(fd.get());
  return fd;
}

void connect_to(int fd, const sockaddr* peer, socklen_t size, const std::string& where) {
  check(::connect(fd, peer, size), "connect to " + where);
}

Fd listen_raw(const EndpointConfig& config) {
  Fd fd = open_flow(config, MarkDirection::ping);
  check(::bind(fd.get(), config.address.data(), config.address.size()),
        "bind " + config.address.to_string());
  return fd;
}

// Returns the hello with its mark. The answer has the other direction.
std::vector<char> marked_hello(const EndpointConfig& config, MarkDirection direction) {
  const FlowMark mark = mark_of(config.token, direction);
  const Hello hello{kHello, config.token};
  std::vector<char> message(mark.begin(), mark.end());
  message.resize(kMark + sizeof hello);
  std::memcpy(message.data() + kMark, &hello, sizeof hello);
  return message;
}

// Receives one packet without waiting. Returns true if it is a hello with the token. Counts any
// other packet as rejected.
bool receive_hello(int fd, const EndpointConfig& config, sockaddr* from, socklen_t* size,
                   std::uint64_t& rejected) {
  char packet[256];
  const ssize_t n = ::recvfrom(fd, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC, from, size);
  const std::size_t offset = ip_header_size(fd) + kMark;
  const bool is_known =
      n >= static_cast<ssize_t>(offset) && n <= static_cast<ssize_t>(sizeof packet) &&
      is_hello(packet + offset, static_cast<std::size_t>(n) - offset, config.token);
  if (n >= 0 && !is_known) ++rejected;
  return is_known;
}

std::vector<Fd> admit_raw(Fd fd, const EndpointConfig& config, std::size_t,
                          std::uint64_t& rejected) {
  for (;;) {
    if (!wait_readable(fd.get(), config.deadline))
      throw std::runtime_error("the client did not open its raw flow");
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    if (!receive_hello(fd.get(), config, from, &size, rejected)) continue;
    connect_to(fd.get(), from, size, "the client");
    discard_queued(fd.get());  // packets of unauthenticated peers and repeated hellos
    const std::vector<char> answer = marked_hello(config, MarkDirection::pong);
    // If the answer is lost, the client repeats its hello.
    ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    return one_flow(std::move(fd));
  }
}

// Repeats the hello until the server answers. Throws std::runtime_error at the deadline.
void be_admitted(int fd, const EndpointConfig& config) {
  const std::vector<char> hello = marked_hello(config, MarkDirection::ping);
  std::uint64_t others = 0;
  do {
    if (now_ns() > config.deadline)
      throw std::runtime_error(config.address.to_string() + " did not admit this session");
    ::send(fd, hello.data(), hello.size(), MSG_NOSIGNAL);
  } while (!wait_readable(fd, std::min(config.deadline, now_ns() + kHelloRetry)) ||
           !receive_hello(fd, config, nullptr, nullptr, others));
}

std::vector<Fd> connect_raw(const EndpointConfig& config, std::size_t) {
  Fd fd = open_flow(config, MarkDirection::pong);
  connect_to(fd.get(), config.address.data(), config.address.size(), config.address.to_string());
  if (!config.external) be_admitted(fd.get(), config);
  return one_flow(std::move(fd));
}

Framing framing_of(const FlowMark& mark, std::size_t ip_header) {
  Framing framing{.mark_size = mark.size(), .ip_header = ip_header};
  std::ranges::copy(mark, framing.mark.begin());
  return framing;
}

Framing raw_framing(int fd, const EndpointConfig& config, bool is_server) {
  const auto direction = is_server ? MarkDirection::pong : MarkDirection::ping;
  return framing_of(mark_of(config.token, direction), ip_header_size(fd));
}

// ---- ICMP

// Computes the Internet checksum (RFC 1071) of a message whose checksum field is 0.
std::uint16_t internet_checksum(const char* data, std::size_t size) noexcept {
  std::uint64_t sum = 0;
  for (; size >= 4; data += 4, size -= 4) {
    std::uint32_t w;
    std::memcpy(&w, data, 4);
    sum += w;
  }
  std::uint32_t rest = 0;
  std::memcpy(&rest, data, size);
  sum += rest;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// Writes the sequence number and the checksum of an echo request. For ICMPv6 the kernel replaces
// the checksum.
void seal_icmp(char* message, std::size_t size) noexcept {
  const auto sequence = htons(static_cast<std::uint16_t>(header_of(message + kMark).number));
  std::memcpy(message + 6, &sequence, sizeof sequence);
  std::memset(message + 2, 0, 2);
  const std::uint16_t checksum = internet_checksum(message, size);
  std::memcpy(message + 2, &checksum, sizeof checksum);
}

// Returns a socket that receives the replies to the echo requests with the identifier of the mark.
// Without CAP_NET_RAW it is a ping socket (icmp(7)), whose kernel chooses the messages by the
// identifier, which is the port of bind(2), and removes the IP header.
Fd open_icmp(const EndpointConfig& config, const FlowMark& mark) {
  const int family = config.address.family();
  const bool v6 = family == AF_INET6;
  const int protocol = v6 ? static_cast<int>(IPPROTO_ICMPV6) : IPPROTO_ICMP;
  if (raw_unavailable()) {
    Fd fd(check(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol),
                "ping socket (requires CAP_NET_RAW, or net.ipv4.ping_group_range)"));
    apply_options(fd.get(), config.options, family);
    std::uint16_t identifier;
    std::memcpy(&identifier, mark.data() + 4, sizeof identifier);
    const Address any = Address::resolve(v6 ? "::" : "0.0.0.0", ntohs(identifier));
    check(::bind(fd.get(), any.data(), any.size()), "bind of the ICMP identifier");
    return fd;
  }
  Fd fd = open_raw(config, protocol);
  const std::uint32_t reply = v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
  attach_filter(
      fd.get(), family,
      {{0, 0xff000000, reply << 24}, {4, 0xffff0000, word(mark.data() + 4) & 0xffff0000}});
  return fd;
}

FlowMark icmp_mark(const EndpointConfig& config) {
  const bool v6 = config.address.family() == AF_INET6;
  FlowMark mark = {static_cast<char>(v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO)};
  std::copy_n(config.token.begin(), 2, mark.begin() + 4);  // the identifier
  return mark;
}

std::vector<Fd> connect_icmp(const EndpointConfig& config, std::size_t) {
  Fd fd = open_icmp(config, icmp_mark(config));
  connect_to(fd.get(), config.address.data(), config.address.size(), config.address.to_string());
  discard_queued(fd.get());
  return one_flow(std::move(fd));
}

Framing icmp_framing(int fd, const EndpointConfig& config, bool) {
  Framing framing = framing_of(icmp_mark(config), ip_header_size(fd));
  framing.seal = seal_icmp;
  return framing;
}

}  // namespace

const TransportOps kRaw = {listen_raw, admit_raw, connect_raw, raw_framing};
const TransportOps kIcmp = {nullptr, nullptr, connect_icmp, icmp_framing};

std::optional<std::string> validate_raw(const Options& options) {
  const auto fits = [](std::uint64_t size) {
    return size >= kMark + kMinDatagram && size <= 65507;
  };
  if (options.size_mix && !(fits(min_message(options)) && fits(max_message(options))))
    return "size_mix: a raw or ICMP message has 24 (mark, sequence number and time stamp) to 65507 "
           "bytes";
  if (!fits(options.message_size.value_or(64)))
    return "message_size of a raw or ICMP message must be from 24 (mark, sequence number and time "
           "stamp) to 65507 bytes";
  if (!fits(options.response_size.value_or(64)))
    return "response_size: a raw message must be from 24 (mark, sequence number and time stamp) to "
           "65507 bytes";
  return std::nullopt;
}

Fd open_raw_server(const Address& address) {
  Fd fd(check(::socket(address.family(), SOCK_RAW | SOCK_CLOEXEC, kRawProtocol),
              "raw socket (requires CAP_NET_RAW)"));
  const FlowMark any = mark_of({}, MarkDirection::ping);  // without its part of the token
  attach_filter(fd.get(), address.family(), {{0, UINT32_MAX, word(any.data())}});
  discard_queued(fd.get());
  check(::bind(fd.get(), address.data(), address.size()), "bind " + address.to_string());
  return fd;
}

std::size_t ip_header_size(int fd) {
  int family = 0, type = 0;
  socklen_t size = sizeof family;
  check(::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size), "SO_DOMAIN");
  check(::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), "SO_TYPE");
  return family == AF_INET && type == SOCK_RAW ? kIpv4Header : 0;
}

std::size_t make_reply(char* packet, std::size_t size, std::size_t ip_header) {
  if (size < ip_header + kMark) return 0;
  packet[ip_header + 3] = static_cast<char>(MarkDirection::pong);
  return size - ip_header;
}

}  // namespace pingperf
