// The iperf3 engine: libiperf, linked directly. Its header is included by iperf3.cpp alone.
#pragma once

#include <string>

#include "sockets/transport/engine.h"

namespace pingperf {

const Engine& iperf3_tcp();
const Engine& iperf3_udp();

// Of the libiperf that is loaded: "3.12".
std::string libiperf_version();

}  // namespace pingperf
