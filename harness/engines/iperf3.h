// The iperf3 engine: libiperf, linked directly. Only iperf3.cpp includes libiperf's header.
#pragma once

#include <string>

#include "sockets/transport/engine.h"

namespace pingperf {

const Engine& iperf3_tcp();
const Engine& iperf3_udp();

// Returns the version of the loaded libiperf: "3.12".
std::string libiperf_version();

}  // namespace pingperf
