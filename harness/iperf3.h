// The iperf3 engine: libiperf, linked directly. Its header is included by iperf3.cpp alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sockets/engine.h"

namespace pingperf {

const Engine& iperf3_tcp();
const Engine& iperf3_udp();

// Why a word cannot stand among iperf3_options, and what would be right: it would get in the
// harness's way, or a parameter says the same. Nothing when it can, as far as a word alone tells.
std::optional<std::string> object_to_iperf3_word(std::string_view word);

// Of the libiperf that is loaded: "3.12".
std::string libiperf_version();

}  // namespace pingperf
