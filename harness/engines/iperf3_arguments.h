// The command line of libiperf's client, and the arguments that an experiment may add to it. Does
// not call libiperf.
#pragma once

#include <cstdint>
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

// Returns the error if a parameter requires a later libiperf than `version`.
std::optional<std::string> validate_iperf3_version(const Options& options,
                                                   std::string_view version);

// Returns true if libiperf's parser must check the options, because they have iperf3_options or a
// parameter that is an argument of later versions only.
bool needs_iperf3_parser(const Options& options);

// Copies of the payload between user space and kernel at the two ends.
struct Iperf3Copies {
  std::uint64_t sending = 1, receiving = 1;
};

// Returns the copies that the parameters or the same arguments in iperf3_options leave.
Iperf3Copies iperf3_copies(const Options& options);

// Returns the arguments of libiperf's client: the options that libiperf has no setter for or checks
// against iperf3_options, then iperf3_options. "-J" is last: if libiperf does not read it as an
// option, iperf3_options are wrong.
std::vector<std::string> iperf3_arguments(const Options& options);

}  // namespace pingperf
