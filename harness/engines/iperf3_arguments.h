// The command line of libiperf's client, and the arguments that an experiment may add to it. Does
// not call libiperf.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sockets/core/options.h"

namespace pingperf {

// Returns an error if an argument is not allowed in iperf3_options, because it would disturb the
// harness or a parameter does the same. The error names the remedy. Returns nothing if a single
// argument shows no error.
std::optional<std::string> validate_iperf3_argument(std::string_view word);

// Returns the arguments of libiperf's client: the options that libiperf has no setter for or checks
// against iperf3_options, then iperf3_options. "-J" is last: if libiperf does not read it as an
// option, iperf3_options are wrong.
std::vector<std::string> iperf3_arguments(const Options& options);

}  // namespace pingperf
