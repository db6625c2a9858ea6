#include "harness/agent/resolving.h"

#include <fmt/core.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <memory>

#include "sockets/core/address.h"

namespace pingperf {
namespace {

std::string text_of(const sockaddr* address) {
  const bool v6 = address->sa_family == AF_INET6;
  return Address::from(address, v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)).host();
}

// Keeps the first address of each family.
void keep(const sockaddr* address, Resolved& resolved) {
  std::string& text = address->sa_family == AF_INET6 ? resolved.v6 : resolved.v4;
  if (text.empty()) text = text_of(address);
}

Resolved resolve_name(const std::string& name) {
  Resolved resolved;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    resolved.error = fmt::format("cannot resolve '{}': {}", name, ::gai_strerror(error));
    return resolved;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* one = found; one; one = one->ai_next)
    if (one->ai_family == AF_INET || one->ai_family == AF_INET6) keep(one->ai_addr, resolved);
  return resolved;
}

// Returns the addresses of `device`, or with an empty device the one whose text without scope is
// `address`, with its scope.
Resolved search_interfaces(const std::string& device, const std::string& address) {
  Resolved resolved;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) == 0) {
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
    for (const ifaddrs* one = first; one; one = one->ifa_next) {
      if (!one->ifa_addr) continue;
      if (one->ifa_addr->sa_family != AF_INET && one->ifa_addr->sa_family != AF_INET6) continue;
      const std::string text = text_of(one->ifa_addr);
      if (device.empty()) {
        if (text.substr(0, text.find('%')) == address) keep(one->ifa_addr, resolved);
      } else if (device == one->ifa_name && text.find('%') == std::string::npos) {
        keep(one->ifa_addr, resolved);  // link-local addresses are not those of the data
      }
    }
  }
  if (!resolved.v4.empty() || !resolved.v6.empty()) return resolved;
  if (device.empty())
    resolved.error = fmt::format("no interface has the address {}", address);
  else if (::if_nametoindex(device.c_str()) == 0)
    resolved.error = fmt::format("there is no interface '{}'", device);
  else
    resolved.error = fmt::format("interface '{}' has no address", device);
  return resolved;
}

}  // namespace

Resolved resolve_here(const ResolveRequest& request) {
  if (!request.device.empty()) return search_interfaces(request.device, "");
  return request.is_own ? search_interfaces("", request.name) : resolve_name(request.name);
}

}  // namespace pingperf
