// Address: where a socket binds or connects to.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace pingperf {

// An IPv4, IPv6 or unix socket address.
class Address {
 public:
  Address() noexcept { storage_.ss_family = AF_UNSPEC; }

  // Resolves `host` (a numeric address or a name) with getaddrinfo(3), without AI_ADDRCONFIG: that
  // flag makes 127.0.0.1 unresolvable in a network namespace that has only lo.
  // `family` is AF_INET, AF_INET6 or AF_UNSPEC. Throws std::runtime_error naming the host.
  static Address resolve(const std::string& host, std::uint16_t port, int family = AF_UNSPEC);

  // The reverse of to_string(): "192.0.2.1:5201", "[2001:db8::1]:5201" or "unix:/path".
  // Throws std::runtime_error.
  static Address parse(const std::string& text);

  // A unix socket's path; one that begins with '@' is in the abstract namespace (unix(7)).
  static Address unix_path(const std::string& path);

  // The address that `fd` is bound to (getsockname(2)), or connected to (getpeername(2); none when
  // it is not any more). local_of throws std::system_error.
  static Address local_of(int fd);
  static Address peer_of(int fd);
  static Address from(const sockaddr* address, socklen_t size);

  int family() const noexcept { return storage_.ss_family; }
  std::uint16_t port() const noexcept;
  std::string host() const;  // numeric, without port and brackets
  std::string to_string() const;

  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace pingperf
