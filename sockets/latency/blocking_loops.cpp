#include "sockets/latency/blocking_loops.h"

#include "sockets/latency/pipelined_pingpong.h"

namespace pingperf {

template <Wait wait>
void run_pipelined(PingThread& t, Meter& meter, const EndpointConfig& config) {
  ping_pipelined<wait>(t, meter, config);
}

template <Wait wait>
void ping_shaped(PingThread& t, Meter& meter, const EndpointConfig& config) {
  if (is_stream(config.options.transport)) return ping_stream<wait, true>(t, meter, config);
  ping_datagrams<wait, true>(t, meter, config);
}

template <Wait wait>
void pong_mixed(PingThread& t, Meter& meter, const EndpointConfig& config) {
  if (is_stream(config.options.transport)) return pong_stream<wait, true>(t, meter, config);
  pong_datagrams<wait, true>(t, meter, config);
}

template void run_pipelined<Wait::block>(PingThread&, Meter&, const EndpointConfig&);
template void run_pipelined<Wait::spin>(PingThread&, Meter&, const EndpointConfig&);
template void run_pipelined<Wait::hybrid>(PingThread&, Meter&, const EndpointConfig&);
template void ping_shaped<Wait::block>(PingThread&, Meter&, const EndpointConfig&);
template void pong_mixed<Wait::block>(PingThread&, Meter&, const EndpointConfig&);
template void ping_shaped<Wait::spin>(PingThread&, Meter&, const EndpointConfig&);
template void pong_mixed<Wait::spin>(PingThread&, Meter&, const EndpointConfig&);
template void ping_shaped<Wait::hybrid>(PingThread&, Meter&, const EndpointConfig&);
template void pong_mixed<Wait::hybrid>(PingThread&, Meter&, const EndpointConfig&);

}  // namespace pingperf
