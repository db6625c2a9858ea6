// Makes the row of a bulk engine from its loops.
#pragma once

#include "sockets/engines.h"
#include "sockets/throughput/transfer.h"
#include "sockets/transport/availability.h"

namespace pingperf {

// A bulk engine over one transport.
struct TransferRow {
  std::string_view name;
  std::string_view summary;
  Transport transport;
  const TransferOps& ops;                         // must outlive the engine
  std::vector<std::string_view> parameters = {};  // in addition to those of the transport
  std::vector<std::string_view> receives = {"copy", "discard"};  // the values of `receive`
  std::optional<std::string> (*unavailable)() = always_available;
};

// Returns the loops of engine blocking over UDP.
const TransferOps& blocking_datagram_loops();

// Returns the parameters and those of the shapes of traffic: size_mix, on_off and frame.
std::vector<std::string_view> shaped(std::vector<std::string_view> parameters);

// Returns an error if a stream sends less than one message in the duration at this rate.
std::optional<std::string> validate_rate(const Options& options);

// Returns the engine of the row.
Engine make_transfer_engine(const TransferRow& row);

// Returns the engines of the row over the transports of streams that have no parameters of their
// own: unix, unix-seqpacket, mptcp and vsock.
std::vector<Engine> make_plain_stream_engines(TransferRow row);

}  // namespace pingperf
