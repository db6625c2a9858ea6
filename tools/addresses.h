// The addresses on the command lines of ping, pong and sink.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sockets/core/address.h"
#include "sockets/core/options.h"

namespace pingperf {

// Reads "HOST", "HOST:PORT", "[IPV6]", "[IPV6]:PORT", a bare IPv6 address, or a path for unix.
// Returns all addresses of a name. Throws UsageError that begins with the name of the command.
std::vector<Address> read_addresses(const char* command, const std::string& text,
                                    Transport transport, std::uint16_t port);

}  // namespace pingperf
