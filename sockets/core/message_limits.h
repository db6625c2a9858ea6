// The longest message that one send over a unix socket that keeps messages whole can have. The
// kernel refuses a message that does not fit into the send buffer (unix(7)).
#pragma once

#include <optional>
#include <string>

#include "sockets/core/options.h"

namespace pingperf {

// Returns an error if a message is longer than the requested send_buffer allows on any host, as
// Engine::validate. Transports without this limit have no error.
std::optional<std::string> validate_send_buffer(const Options& options);

// Returns an error if a message is longer than the send buffer of the socket allows.
std::optional<std::string> exceeds_send_buffer(int fd, const Options& options);

// Returns the same for a socket of this host with the options.
std::optional<std::string> exceeds_send_buffer_here(const Options& options);

}  // namespace pingperf
