// UDP bulk transfer with many datagrams per system call: sendmmsg(2) and recvmmsg(2) (batch),
// UDP_SEGMENT (gso) and UDP_GRO (gro); udp(7). With receive: discard the receiver copies only the
// first header of a message.
#pragma once

#include "sockets/throughput/transfer.h"

namespace pingperf {

// The two loops: as TransferLoop.
void send_bursts(FlowGroup& group, Meter& meter);
void receive_bursts(FlowGroup& group, Meter& meter);

}  // namespace pingperf
