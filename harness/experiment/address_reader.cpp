#include "harness/experiment/address_reader.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>

namespace pingperf {
namespace {

std::optional<in_addr> v4_of(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) == 1) return address;
  return std::nullopt;
}

// Ignores a scope: "fe80::1%eth0".
std::optional<in6_addr> v6_of(const std::string& text) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.substr(0, text.find('%')).c_str(), &address) == 1) return address;
  return std::nullopt;
}

// Returns true for the paths of unix sockets, and for addresses of vsock.
bool is_of_another_family(const std::string& text) {
  return text.starts_with("vsock:") || text.starts_with("unix:") || text.starts_with('@') ||
         text.find('/') != std::string::npos;
}

struct HostAndPort {
  std::string host;
  std::string port;  // empty: brackets alone
};

// Splits "192.0.2.1:5201", "host:5201" and "[::1]:5201", which are no addresses here.
std::optional<HostAndPort> split_port(const std::string& text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) return std::nullopt;
    const bool has_port = end + 1 < text.size() && text[end + 1] == ':';
    return HostAndPort{text.substr(1, end - 1), has_port ? text.substr(end + 2) : ""};
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon != text.rfind(':')) return std::nullopt;
  return HostAndPort{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

void check_address(const std::string& text, std::string_view key, const Mark& mark) {
  const auto refuse = [&](const std::string& why) {
    fail_at(mark, fmt::format("{}: '{}' {}", key, text, why));
  };
  if (text.empty()) fail_at(mark, fmt::format("{}: there is no address", key));
  if (is_of_another_family(text)) return;
  if (const auto split = split_port(text)) {
    if (split->port.empty()) refuse(fmt::format("has brackets or a colon: write {}", split->host));
    refuse(fmt::format("has a port: write {}: \"{}\"{} port: {}{}", key, split->host,
                       key == "external" ? "," : ", and", split->port,
                       key == "external" ? "" : " in defaults or a workload"));
  }
  if (text.starts_with('[')) refuse("has a bracket without the other");
  const auto v4 = v4_of(text);
  const auto v6 = v6_of(text);
  const std::uint32_t number = v4 ? ntohl(v4->s_addr) : 0;
  if (key != "bind" && ((v4 && number == 0) || (v6 && IN6_IS_ADDR_UNSPECIFIED(&*v6))))
    refuse("is every address of a host: write the one that the client dials");
  if ((v4 && (number >> 28) == 14) || (v6 && IN6_IS_ADDR_MULTICAST(&*v6)))
    refuse("is a multicast address: write that of the server; a group is the parameter group");
  if (v4 && number == 0xffffffff) refuse("is the broadcast address: write that of the server");
}

bool is_host_name(const std::string& text) {
  return !text.empty() && !is_of_another_family(text) && !v4_of(text) && !v6_of(text);
}

}  // namespace pingperf
