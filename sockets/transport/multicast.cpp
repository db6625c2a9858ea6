#include "sockets/transport/multicast.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/datagram.h"

namespace pingperf {
namespace {

// The group if none is given: one of the local scope of RFC 2365.
constexpr std::string_view kMulticastGroup = "239.255.77.77";

constexpr int kAnswers = 3;  // to a hello, because each can be lost

Address group_at(std::uint16_t port, const Options& options) {
  return Address::resolve(options.multicast_group.value_or(std::string(kMulticastGroup)), port,
                          AF_INET);
}

in_addr ipv4_of(const Address& address) {
  return reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr;
}

// Returns a socket that receives what `sender` sends to the group, through the interface that has
// the address `local`.
Fd open_receiver(const EndpointConfig& config, const Address& local, const Address& sender) {
  const Address group = group_at(local.port(), config.options);
  Fd fd(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  apply_options(fd.get(), config.options, AF_INET);
  check(::bind(fd.get(), group.data(), group.size()), "bind " + group.to_string());
  check(::connect(fd.get(), sender.data(), sender.size()), "connect of a receiver");
  const ip_mreq membership{ipv4_of(group), ipv4_of(local)};
  check(::setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership),
        "join of " + group.host() + " (IP_ADD_MEMBERSHIP)");
  return fd;
}

// Waits for a hello with the token. Returns the address of its sender. Throws std::runtime_error at
// the deadline.
Address await_hello(int fd, const EndpointConfig& config, std::uint64_t& rejected) {
  for (;;) {
    if (!wait_readable(fd, config.deadline))
      throw std::runtime_error("the client did not open its UDP flow");
    char datagram[sizeof(Hello) + 1];
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t n = ::recvfrom(fd, datagram, sizeof datagram, MSG_DONTWAIT, from, &size);
    if (n >= 0 && is_hello(datagram, static_cast<std::size_t>(n), config.token))
      return Address::from(from, size);
    if (n >= 0) ++rejected;
  }
}

// Answers the hello after all receivers have joined, so that they receive the first datagram.
std::vector<Fd> admit_sender(Fd control, const EndpointConfig& config, std::size_t,
                             std::uint64_t& rejected) {
  const Address sender = await_hello(control.get(), config, rejected);
  const Address local = Address::local_of(control.get());
  std::vector<Fd> receivers;
  for (std::uint64_t i = 0; i < config.options.receivers.value_or(1); ++i)
    receivers.push_back(open_receiver(config, local, sender));
  const Hello answer{kHello, config.token};
  for (int i = 0; i < kAnswers; ++i)
    ::sendto(control.get(), &answer, sizeof answer, MSG_NOSIGNAL, sender.data(), sender.size());
  return receivers;
}

std::vector<Fd> connect_sender(const EndpointConfig& config, std::size_t) {
  return kDatagrams.connect(config, 1);
}

}  // namespace

const TransportOps kMulticast = {bind_datagram, admit_sender, connect_sender, kDatagrams.framing};

Address group_of(int flow, const Options& options) {
  const in_addr local = ipv4_of(Address::local_of(flow));
  check(::setsockopt(flow, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local), "IP_MULTICAST_IF");
  return group_at(Address::peer_of(flow).port(), options);
}

std::optional<std::string> validate_multicast(const Options& o) {
  const std::string group = o.multicast_group.value_or(std::string(kMulticastGroup));
  in_addr address{};
  if (::inet_pton(AF_INET, group.c_str(), &address) != 1 || !IN_MULTICAST(ntohl(address.s_addr)))
    return "group: '" + group + "' is not an IPv4 multicast address: write e.g. " +
           std::string(kMulticastGroup);
  return validate_datagram(o);
}

}  // namespace pingperf
