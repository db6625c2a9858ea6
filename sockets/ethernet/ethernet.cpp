#include "sockets/ethernet/ethernet.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/datagram.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxFrame = 9216;
constexpr std::size_t kDirection = kEthernetHeader + 3;

// Returns the start of the frames from `source` to `destination`.
std::array<char, kFrameMark> frame_mark(const Mac& destination, const Mac& source,
                                        const FlowMark& mark) {
  std::array<char, kFrameMark> start;
  auto end = std::copy(destination.begin(), destination.end(), start.begin());
  end = std::copy(source.begin(), source.end(), end);
  *end++ = static_cast<char>(kEtherType >> 8);
  *end++ = static_cast<char>(kEtherType & 0xff);
  std::copy(mark.begin(), mark.end(), end);
  return start;
}

// Passes only frames with the mark (SO_ATTACH_FILTER, socket(7)).
void attach_filter(int fd, const FlowMark& mark) {
  std::uint32_t words[2];
  std::memcpy(words, mark.data(), sizeof words);
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kEthernetHeader),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(words[0]), 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kEthernetHeader + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(words[1]), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog filter{std::size(program), program};
  check(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), "SO_ATTACH_FILTER");
}

const std::string& interface_of(const Options& options, bool is_server) {
  return (is_server ? options.server_interface : options.client_interface).value();
}

// Reads a property of the interface (netdevice(7)).
ifreq interface_property(int fd, const std::string& name, unsigned long request) {
  ifreq property{};
  std::copy_n(name.data(), std::min<std::size_t>(name.size(), IFNAMSIZ - 1), property.ifr_name);
  check(::ioctl(fd, request, &property), "interface '" + name + "'");
  return property;
}

// Returns false if the interface has no carrier. The kernel reports the carrier of an interface
// that has just been set up a moment later, so this waits for it for up to two seconds.
bool await_carrier(int fd, const std::string& name, Nanoseconds deadline) {
  const Nanoseconds end = std::min(deadline, now_ns() + 2 * kSecond);
  while (!(interface_property(fd, name, SIOCGIFFLAGS).ifr_flags & IFF_RUNNING)) {
    if (now_ns() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Returns the index of an interface that can carry the frames. Throws std::runtime_error.
int usable_interface(int fd, const EndpointConfig& config, const std::string& name) {
  if (const auto reason = interface_unusable(name, config.options))
    throw std::runtime_error(*reason);
  if (!await_carrier(fd, name, config.deadline))
    throw std::runtime_error("interface '" + name + "' has no carrier: is its other end up?");
  return interface_property(fd, name, SIOCGIFINDEX).ifr_ifindex;
}

// Returns a packet socket that receives the frames of the flow in one direction.
Fd open_flow(const EndpointConfig& config, bool is_server) {
  // Protocol 0: receives nothing before bind().
  Fd fd(check(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0),
              "packet socket (requires CAP_NET_RAW)"));
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_protocol = htons(kEtherType);
  const std::string& name = interface_of(config.options, is_server);
  link.sll_ifindex = usable_interface(fd.get(), config, name);
  apply_options(fd.get(), config.options, AF_PACKET);
  if (config.options.qdisc_bypass.value_or(false))
    set_option(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, 1, "qdisc_bypass");
  attach_filter(fd.get(),
                mark_of(config.token, is_server ? MarkDirection::ping : MarkDirection::pong));
  check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&link), sizeof link),
        "bind to interface '" + name + "'");
  return fd;
}

Fd listen_ethernet(const EndpointConfig& config) {
  return open_flow(config, true);
}

// Returns a frame with the token.
std::vector<char> hello_frame(std::span<const char, kFrameMark> mark, const Token& token) {
  const Hello hello{kHello, token};
  std::vector<char> frame(kMinFrame);
  std::ranges::copy(mark, frame.begin());
  std::memcpy(frame.data() + kFrameMark, &hello, sizeof hello);
  return frame;
}

// Receives one frame without waiting. Returns the address of its sender if it is a hello with the
// token. Counts any other frame as rejected.
std::optional<Mac> receive_hello(int fd, const EndpointConfig& config, std::uint64_t& rejected) {
  char frame[kMinFrame];
  const ssize_t n = ::recv(fd, frame, sizeof frame, MSG_DONTWAIT | MSG_TRUNC);
  if (n != sizeof frame || !is_hello(frame + kFrameMark, sizeof(Hello), config.token)) {
    if (n >= 0) ++rejected;
    return std::nullopt;
  }
  Mac sender;
  std::copy_n(frame + sender.size(), sender.size(), sender.begin());
  return sender;
}

std::vector<Fd> admit_ethernet(Fd fd, const EndpointConfig& config, std::size_t,
                               std::uint64_t& rejected) {
  const Mac mac = Address::local_of(fd.get()).mac();
  for (;;) {
    if (!wait_readable(fd.get(), config.deadline))
      throw std::runtime_error("the client's frames did not arrive");
    const std::optional<Mac> client = receive_hello(fd.get(), config, rejected);
    if (!client) continue;
    const auto mark = frame_mark(*client, mac, mark_of(config.token, MarkDirection::pong));
    const std::vector<char> answer = hello_frame(mark, config.token);
    // If the answer is lost, the client repeats its hello.
    ::send(fd.get(), answer.data(), answer.size(), 0);
    return one_flow(std::move(fd));
  }
}

std::array<char, kFrameMark> client_mark(int fd, const EndpointConfig& config) {
  return frame_mark(config.address.mac(), Address::local_of(fd).mac(),
                    mark_of(config.token, MarkDirection::ping));
}

std::vector<Fd> connect_ethernet(const EndpointConfig& config, std::size_t) {
  Fd fd = open_flow(config, false);
  const std::string& name = interface_of(config.options, false);
  const bool is_loopback =
      interface_property(fd.get(), name, SIOCGIFFLAGS).ifr_flags & IFF_LOOPBACK;
  if (Address::local_of(fd.get()).mac() == config.address.mac() && !is_loopback)
    throw std::runtime_error("interface '" + name +
                             "' is that of both ends: a frame does not return to the interface "
                             "that sends it; name the interface at the other end of the link");
  const std::vector<char> hello = hello_frame(client_mark(fd.get(), config), config.token);
  std::uint64_t others = 0;
  do {
    if (now_ns() > config.deadline)
      throw std::runtime_error(config.address.host() + " did not answer on interface '" + name +
                               "'");
    ::send(fd.get(), hello.data(), hello.size(), 0);
  } while (!wait_readable(fd.get(), std::min(config.deadline, now_ns() + kHelloRetry)) ||
           !receive_hello(fd.get(), config, others));
  return one_flow(std::move(fd));
}

// The server's loop completes its mark with the client's address, from the hello of the loop.
Framing ethernet_framing(int fd, const EndpointConfig& config, bool is_server) {
  Framing framing{.mark_size = kFrameMark};
  framing.mark = is_server ? frame_mark({}, Address::local_of(fd).mac(),
                                        mark_of(config.token, MarkDirection::pong))
                           : client_mark(fd, config);
  return framing;
}

// Returns true if the sender of the frames is the server.
bool is_from_server(FrameStart sent) {
  return sent[kDirection] == static_cast<char>(MarkDirection::pong);
}

}  // namespace

const TransportOps kEthernet = {listen_ethernet, admit_ethernet, connect_ethernet,
                                ethernet_framing};

FlowMark received_mark(FrameStart sent) {
  FlowMark mark;
  std::ranges::copy(sent.last<mark.size()>(), mark.begin());
  mark[3] = static_cast<char>(is_from_server(sent) ? MarkDirection::ping : MarkDirection::pong);
  return mark;
}

const std::string& interface_of(const Options& options, FrameStart sent) {
  return interface_of(options, is_from_server(sent));
}

std::optional<std::string> interface_unusable(const std::string& name, const Options& o) {
  if (name.size() >= IFNAMSIZ || ::if_nametoindex(name.c_str()) == 0)
    return "interface '" + name + "' does not exist on this host: ip link show";
  const Fd any(check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  if (!(interface_property(any.get(), name, SIOCGIFFLAGS).ifr_flags & IFF_UP))
    return "interface '" + name + "' is down: ip link set " + name + " up";
  const auto type = interface_property(any.get(), name, SIOCGIFHWADDR).ifr_hwaddr.sa_family;
  if (type != ARPHRD_ETHER && type != ARPHRD_LOOPBACK)
    return "interface '" + name + "' does not carry Ethernet frames";
  const int mtu = interface_property(any.get(), name, SIOCGIFMTU).ifr_mtu;
  const std::size_t longest = static_cast<std::size_t>(mtu) + kEthernetHeader;
  if (o.message_size.value_or(kMinFrame) <= longest) return std::nullopt;
  return "message_size: a frame of interface '" + name + "' has at most " +
         std::to_string(longest) + " bytes, its MTU and 14";
}

std::optional<std::string> validate_ethernet(const Options& o) {
  if (!o.client_interface || !o.server_interface)
    return "transport ethernet requires the interfaces of both ends: add interface: {client: NAME, "
           "server: NAME}";
  const std::uint64_t size = o.message_size.value_or(kMinFrame);
  if (o.engine == "xdp" && size > kMaxXdpFrame)
    return "message_size: a frame of engine xdp has at most " + std::to_string(kMaxXdpFrame) +
           " bytes";
  if (size >= kMinFrame && size <= kMaxFrame) return std::nullopt;
  return "message_size of an Ethernet frame must be from 60 (a device pads shorter frames) to 9216 "
         "bytes, at most the MTU and 14";
}

}  // namespace pingperf
