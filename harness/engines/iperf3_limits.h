// Options that other engines have and libiperf cannot run. Does not call libiperf.
#pragma once

#include <optional>
#include <string>

#include "sockets/core/options.h"

namespace pingperf {

// Returns an error and its remedy if libiperf cannot run these options, as Engine::validate does.
// Does not check iperf3_options, which libiperf's parser checks.
std::optional<std::string> validate_iperf3_limits(const Options& options);

}  // namespace pingperf
