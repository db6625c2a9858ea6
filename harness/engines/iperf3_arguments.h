// The command line of iperf3: which words the harness gives libiperf's client, and which an
// experiment may add. Pure: no libiperf here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sockets/core/options.h"

namespace pingperf {

// Why a word cannot stand among iperf3_options, and what would be right: it would get in the
// harness's way, or a parameter says the same. Nothing when it can, as far as a word alone tells.
std::optional<std::string> object_to_iperf3_word(std::string_view word);

// What libiperf's client is told as a command line: what it has no setter for, or checks against
// the words that the experiment adds. Behind iperf3_options comes "-J" alone: when it is not taken
// as an option, one of them was not right.
std::vector<std::string> iperf3_arguments(const Options& options);

}  // namespace pingperf
