#include "harness/run/trial_addresses.h"

#include <linux/vm_sockets.h>

#include "harness/base/parse_number.h"
#include "harness/run/addresses.h"
#include "sockets/core/address.h"
#include "sockets/transport/token.h"

namespace pingperf {
namespace {

// Returns the data address of the server in the experiment, as the client dials it; "": loopback.
const std::string& dialled_host(const Host& server, const Options& options) {
  return options.ip == 6 && !server.address6.empty() ? server.address6 : server.address;
}

}  // namespace

std::string bind_address(const Host& server, const Options& options, const TrialPath& path) {
  if (is_unix(options.transport) && server.is_external())
    return Address::unix_path(server.external).to_string();
  if (options.transport == Transport::ethernet)
    return Address::ethernet({}).to_string();  // the interface has it
  if (is_unix(options.transport))
    return Address::unix_path("@pingperf-" + to_hex(mint_token())).to_string();
  if (options.transport == Transport::vsock)
    return (server.address.empty() ? Address::vsock(VMADDR_CID_LOCAL, VMADDR_PORT_ANY)
                                   : Address::parse(server.address))
        .to_string();
  const bool v6 = options.ip == 6;
  const std::string& named = !path.server_address.empty() ? path.server_address
                             : !server.bind.empty()       ? server.bind
                                                          : dialled_host(server, options);
  const std::string host = !named.empty() ? named : v6 ? "::1" : "127.0.0.1";
  const int family = !options.ip ? AF_UNSPEC : v6 ? AF_INET6 : AF_INET;
  const std::uint16_t port = path.server_port != 0 ? path.server_port : server.port;
  const auto chosen = static_cast<std::uint16_t>(options.port.value_or(port));
  // Only the host itself knows the scope of a link-local address.
  if (host.find('%') != std::string::npos) return with_port(host, chosen);
  return Address::resolve(host, chosen, family).to_string();
}

std::string dialled_address(const Host& server, const Options& options, const std::string& bound) {
  const std::string& host = dialled_host(server, options);
  if (!is_over_ip(options.transport) || host.empty()) return bound;
  return with_port(host,
                   parse_number<std::uint16_t>(bound.substr(bound.rfind(':') + 1)).value_or(0));
}

}  // namespace pingperf
