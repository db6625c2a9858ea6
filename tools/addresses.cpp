#include "tools/addresses.h"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

#include "harness/base/usage_error.h"

namespace pingperf {

std::vector<Address> read_addresses(const char* command, const std::string& text,
                                    Transport transport, std::uint16_t port) {
  try {
    if (transport == Transport::unix_stream) return {Address::unix_path(text)};
    if (!has_port(transport)) return Address::resolve_all(text, 0);
    if (text.starts_with("unix:")) throw std::runtime_error("a path requires --transport unix");
    if (text.starts_with('[') && text.ends_with(']'))
      return Address::resolve_all(text.substr(1, text.size() - 2), port);
    const auto colons = std::count(text.begin(), text.end(), ':');
    if (colons == 1 || text.starts_with('[')) return Address::parse_all(text);
    return Address::resolve_all(text, port);
  } catch (const std::runtime_error& e) {
    throw UsageError(fmt::format("pingperf {}: {}", command, e.what()));
  }
}

}  // namespace pingperf
