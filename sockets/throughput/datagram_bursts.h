// UDP bulk transfer with many datagrams a system call: sendmmsg/recvmmsg (batch), UDP_SEGMENT (gso)
// and UDP_GRO (gro); udp(7). The receiver may leave all but the first header of what it gets in the
// kernel (receive: discard).
#pragma once

#include "sockets/throughput/transfer.h"

namespace pingperf {

void send_bursts(FlowGroup& group, Meter& meter);
void receive_bursts(FlowGroup& group, Meter& meter);

}  // namespace pingperf
