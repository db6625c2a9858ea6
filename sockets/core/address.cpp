#include "sockets/core/address.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

constexpr std::string_view kEthernet = "ethernet:";

// Parses six bytes in hexadecimal: "02:00:00:00:00:01". Throws std::runtime_error.
Mac parse_mac(std::string_view text) {
  Mac mac;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const std::string_view byte = text.substr(std::min(3 * i, text.size()), 2);
    const char* const end = byte.data() + byte.size();
    const auto [rest, error] = std::from_chars(byte.data(), end, mac[i], 16);
    const bool is_last = i + 1 == mac.size();
    if (error != std::errc() || rest != end || byte.size() != 2 ||
        (is_last ? text.size() != 17 : text.size() < 17 || text[3 * i + 2] != ':'))
      throw std::runtime_error("'" + std::string(text) +
                               "' is not a hardware address: expected e.g. 02:00:00:00:00:01");
  }
  return mac;
}

}  // namespace

Address Address::resolve(const std::string& host, std::uint16_t port, int family) {
  return resolve_all(host, port, family).front();
}

std::vector<Address> Address::resolve_all(const std::string& host, std::uint16_t port, int family) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    const char* wanted = family == AF_INET6 ? " as IPv6" : family == AF_INET ? " as IPv4" : "";
    throw std::runtime_error("cannot resolve '" + host + "'" + wanted + ": " +
                             ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* each = found; each; each = each->ai_next)
    addresses.push_back(from(each->ai_addr, each->ai_addrlen));
  return addresses;
}

namespace {

// Returns nullopt if the text is not a number of 32 bits.
std::optional<std::uint32_t> parse_u32(std::string_view text) {
  std::uint32_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return number;
}

// Parses "CID:PORT" or "CID".
Address parse_vsock(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto cid = parse_u32(text.substr(0, colon));
  const auto port = colon == text.npos ? VMADDR_PORT_ANY : parse_u32(text.substr(colon + 1));
  if (cid && port) return Address::vsock(*cid, *port);
  throw std::runtime_error("'vsock:" + std::string(text) +
                           "' is not an address: expected vsock:CID or vsock:CID:PORT");
}

}  // namespace

Address Address::parse(const std::string& text) {
  return parse_all(text).front();
}

std::vector<Address> Address::parse_all(const std::string& text) {
  if (text.starts_with("unix:")) return {unix_path(text.substr(5))};
  if (text.starts_with("vsock:")) return {parse_vsock(std::string_view(text).substr(6))};
  if (text.starts_with(kEthernet)) return {ethernet(parse_mac(text.substr(kEthernet.size())))};
  const std::size_t colon = text.rfind(':');
  unsigned port = 0;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error == std::errc() && rest == end && port <= 65535) {
      std::string host = text.substr(0, colon);
      if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
      return resolve_all(host, static_cast<std::uint16_t>(port));
    }
  }
  throw std::runtime_error("'" + text +
                           "' is not an address: expected HOST:PORT, [IPV6]:PORT, unix:PATH or "
                           "ethernet:MAC");
}

Address Address::unix_path(const std::string& path) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof un.sun_path)
    throw std::runtime_error("unix socket path '" + path + "' must have 1 to " +
                             std::to_string(sizeof un.sun_path - 1) + " bytes");
  std::memcpy(un.sun_path, path.data(), path.size());
  socklen_t size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (path.front() == '@')
    un.sun_path[0] = '\0';
  else
    ++size;  // the terminating NUL
  Address address;
  std::memcpy(&address.storage_, &un, sizeof un);
  address.size_ = size;
  return address;
}

Address Address::vsock(std::uint32_t cid, std::uint32_t port) {
  sockaddr_vm vm{};
  vm.svm_family = AF_VSOCK;
  vm.svm_cid = cid;
  vm.svm_port = port;
  return from(reinterpret_cast<const sockaddr*>(&vm), sizeof vm);
}

Address Address::ethernet(const Mac& mac) noexcept {
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_halen = static_cast<unsigned char>(mac.size());
  std::copy(mac.begin(), mac.end(), link.sll_addr);
  return from(reinterpret_cast<const sockaddr*>(&link), sizeof link);
}

Address Address::local_of(int fd) {
  Address address;
  address.size_ = sizeof address.storage_;
  check(::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage_), &address.size_),
        "getsockname");
  return address;
}

Address Address::peer_of(int fd) {
  sockaddr_storage peer;
  socklen_t size = sizeof peer;
  auto* const address = reinterpret_cast<sockaddr*>(&peer);
  return ::getpeername(fd, address, &size) == 0 ? from(address, size) : Address();
}

Address Address::from(const sockaddr* address, socklen_t size) {
  Address copy;
  std::memcpy(&copy.storage_, address, size);
  copy.size_ = size;
  return copy;
}

std::uint16_t Address::port() const noexcept {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port);
  return 0;
}

Mac Address::mac() const noexcept {
  Mac mac{};
  if (family() == AF_PACKET)
    std::copy_n(reinterpret_cast<const sockaddr_ll&>(storage_).sll_addr, mac.size(), mac.begin());
  return mac;
}

std::string Address::host() const {
  if (family() == AF_PACKET) {
    const Mac m = mac();
    char digits[18];
    std::snprintf(digits, sizeof digits, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                  m[4], m[5]);
    return digits;
  }
  if (family() == AF_UNIX) {
    const auto& un = reinterpret_cast<const sockaddr_un&>(storage_);
    std::string path(un.sun_path, size_ - offsetof(sockaddr_un, sun_path));
    if (!path.empty() && path.front() == '\0')
      path.front() = '@';
    else if (!path.empty() && path.back() == '\0')
      path.pop_back();
    return path;
  }
  if (family() == AF_VSOCK)
    return std::to_string(reinterpret_cast<const sockaddr_vm&>(storage_).svm_cid);
  char text[NI_MAXHOST] = "";
  ::getnameinfo(data(), size_, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return text;
}

std::string Address::to_string() const {
  switch (family()) {
    case AF_UNIX:
      return "unix:" + host();
    case AF_VSOCK:
      return "vsock:" + host() + ":" +
             std::to_string(reinterpret_cast<const sockaddr_vm&>(storage_).svm_port);
    case AF_PACKET:
      return std::string(kEthernet) + host();
    case AF_INET6:
      return std::string("[").append(host()).append("]:").append(std::to_string(port()));
    case AF_INET:
      return host() + ":" + std::to_string(port());
    default:
      return "";
  }
}

}  // namespace pingperf
