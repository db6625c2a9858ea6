// The client's loops of io_uring_flows.h with pauses and with a mix of sizes.
#include "sockets/latency/io_uring_flows.h"

namespace pingperf {

void ping_shaped_flows(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const bool thinks = config.options.think_time.value_or(0) > 0;
  if (!config.options.size_mix) return ping_flows<true, false>(t, meter, config);
  thinks ? ping_flows<true, true>(t, meter, config) : ping_flows<false, true>(t, meter, config);
}

}  // namespace pingperf
