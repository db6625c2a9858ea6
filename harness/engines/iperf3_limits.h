// What an experiment may ask of other engines and libiperf cannot do. Pure: no libiperf here.
#pragma once

#include <optional>
#include <string>

#include "sockets/core/options.h"

namespace pingperf {

// Why libiperf cannot run these options, and what would be right, as Engine::validate. Says
// nothing of iperf3_options, which libiperf's own parser knows.
std::optional<std::string> validate_iperf3_limits(const Options& options);

}  // namespace pingperf
