// Address: the address that a socket binds or connects to.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace pingperf {

// The hardware address of an Ethernet interface.
using Mac = std::array<std::uint8_t, 6>;

// An IPv4, IPv6, unix, vsock or Ethernet address.
class Address {
 public:
  Address() noexcept { storage_.ss_family = AF_UNSPEC; }

  // Resolves `host`, a numeric address or a name, with getaddrinfo(3). AI_ADDRCONFIG is not set,
  // because with it 127.0.0.1 cannot be resolved in a network namespace that has only lo.
  // `family` is AF_INET, AF_INET6 or AF_UNSPEC. Throws std::runtime_error that names the host.
  static Address resolve(const std::string& host, std::uint16_t port, int family = AF_UNSPEC);
  // Does the same, but returns all addresses of the host, in the order in which to try them
  // (RFC 6724), at least one.
  static std::vector<Address> resolve_all(const std::string& host, std::uint16_t port,
                                          int family = AF_UNSPEC);

  // Parses what to_string() returns: "192.0.2.1:5201", "[2001:db8::1]:5201", "unix:/path",
  // "vsock:3:5201". "vsock:3" has any port. "ethernet:02:00:00:00:00:01" is an interface. Resolves
  // a name. Throws std::runtime_error.
  static Address parse(const std::string& text);
  // Does the same, but returns all addresses of a name, as resolve_all() does.
  static std::vector<Address> parse_all(const std::string& text);

  // Returns the address of a unix socket. A path that begins with '@' is in the abstract namespace
  // (unix(7)). Throws std::runtime_error if the path is empty or too long.
  static Address unix_path(const std::string& path);

  // Returns the address of a virtual machine or its host (vsock(7)).
  static Address vsock(std::uint32_t cid, std::uint32_t port);
  // Returns the address of an interface (packet(7)).
  static Address ethernet(const Mac& mac) noexcept;

  // Returns the address that `fd` is bound to (getsockname(2)). Throws std::system_error.
  static Address local_of(int fd);
  // Returns the address that `fd` is connected to (getpeername(2)), or an empty one if `fd` is not
  // connected.
  static Address peer_of(int fd);
  // Copies `size` bytes of a socket address.
  static Address from(const sockaddr* address, socklen_t size);

  int family() const noexcept { return storage_.ss_family; }
  // Returns 0 for an address without a port of 16 bits.
  std::uint16_t port() const noexcept;
  // Returns the hardware address of an Ethernet address, else zeros.
  Mac mac() const noexcept;
  // Returns the numeric host without port and brackets, the path of a unix address, the context
  // identifier of a vsock address, or the hardware address.
  std::string host() const;
  // Returns "" for an empty address.
  std::string to_string() const;

  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace pingperf
