#include "harness/engines/ports.h"

#include <fmt/core.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

// Returns the 32-bit words of an IP address as /proc/net/tcp and tcp6 write them.
std::string in_proc(const void* address, std::size_t words) {
  std::string text;
  for (std::size_t i = 0; i < words; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, static_cast<const char*>(address) + i * sizeof word, sizeof word);
    text += fmt::format("{:08X}", word);
  }
  return text;
}

// Returns an unbound socket if the address cannot be bound.
Fd bound(const Address& address, int type) {
  Fd fd(check(::socket(address.family(), type | SOCK_CLOEXEC, 0), "socket"));
  return ::bind(fd.get(), address.data(), address.size()) == 0 ? std::move(fd) : Fd();
}

// Returns false for the address of a router or proxy in front of this host.
bool is_local(const Address& address) {
  return bool(bound(Address::resolve(address.host(), 0), SOCK_DGRAM));
}

// Returns the local addresses, as /proc/net writes them, of sockets that receive what is sent to an
// address of IP. A socket of IPv6 can receive IPv4 (RFC 4291, 2.5.5.2). Empty: every address.
std::vector<std::string> local_addresses(const Address& address) {
  const std::string all_v4(8, '0'), all_v6(32, '0');
  const bool is_v6 = address.family() == AF_INET6;
  const std::string own =
      is_v6 ? in_proc(&reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr, 4)
            : in_proc(&reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr, 1);
  if (own == all_v4 || own == all_v6 || !is_local(address)) return {};
  if (is_v6) return {own, all_v6};
  const in6_addr prefix = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}};
  const std::string mapped = in_proc(&prefix, 3);
  return {own, all_v4, mapped + own, mapped + all_v4, all_v6};
}

bool has_ip_listener(const Address& address) {
  const std::vector<std::string> locals = local_addresses(address);
  const std::string port = fmt::format(":{:04X}", address.port());
  const auto is_meant = [&](std::string_view local) {
    return local.ends_with(port) &&
           (locals.empty() ||
            std::ranges::find(locals, local.substr(0, local.size() - port.size())) != locals.end());
  };
  for (const std::string table : {"tcp", "tcp6", "udp", "udp6"}) {
    std::ifstream file("/proc/net/" + table);
    std::string number, local;
    for (std::string line; std::getline(file, line);) {
      const bool receives = table.starts_with("udp") || line.find(" 0A ") != std::string::npos;
      if (receives && std::istringstream(line) >> number >> local && is_meant(local)) return true;
    }
  }
  return false;
}

bool has_unix_listener(const std::string& path) {
  std::ifstream file("/proc/net/unix");
  for (std::string line; std::getline(file, line);)
    if (line.ends_with(" " + path)) return true;
  return false;
}

}  // namespace

bool has_listener(const Address& address) {
  if (address.family() == AF_UNIX) return has_unix_listener(address.host());
  return address.port() != 0 && has_ip_listener(address);
}

FreePort find_free_port(const Address& address) {
  constexpr int kFirst = 10'000, kTries = 1000;
  int end = 32'768;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> end;
  if (end < kFirst + 100) end = 65'000;  // of a host with unusual ephemeral ports
  std::random_device random;
  // Only even ports, so that the claim of a port is one of the port above it, too.
  std::uniform_int_distribution<int> half(kFirst / 2, end / 2 - 1);
  for (int i = 0; i < kTries; ++i) {
    const int port = 2 * half(random);
    Fd claim = bound(Address::unix_path(fmt::format("@pingperf-port-{}", port)), SOCK_DGRAM);
    const auto at = [&](int number) {
      return Address::resolve(address.host(), static_cast<std::uint16_t>(number));
    };
    bool is_free = bool(claim);
    for (const int number : {port, port + 1})
      for (const int type : {SOCK_STREAM, SOCK_DGRAM}) is_free = is_free && bound(at(number), type);
    if (is_free) return {at(port), std::move(claim)};
  }
  throw std::runtime_error("no port is free at " + address.host());
}

}  // namespace pingperf
