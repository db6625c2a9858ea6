// The iperf3 engine: libiperf (libiperf.h).
#pragma once

#include "sockets/transport/engine.h"

namespace pingperf {

const Engine& iperf3_tcp();
const Engine& iperf3_udp();
const Engine& iperf3_mptcp();

}  // namespace pingperf
