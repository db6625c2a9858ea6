// Receives a TCP stream without copying it: the kernel maps the pages of the received data into
// this process (TCP_ZEROCOPY_RECEIVE, Linux 4.18). It copies what does not fill whole pages, which
// is everything unless the MTU fits the page size and the sender lends its pages (zero_copy).
#pragma once

#include "sockets/throughput/transfer.h"

namespace pingperf {

// The loop, as TransferLoop. Receives the group's first flow.
void receive_mapped(FlowGroup& group, Meter& meter);

}  // namespace pingperf
