// What the bulk engines have in common: a row of the table, made from the loops of one way to move
// bytes.
#pragma once

#include "sockets/engines.h"
#include "sockets/throughput/transfer.h"
#include "sockets/transport/availability.h"

namespace pingperf {

// What one bulk engine is, over one transport.
struct TransferRow {
  std::string_view name;
  std::string_view summary;
  Transport transport;
  const TransferOps& ops;                         // outlives the engine
  std::vector<std::string_view> parameters = {};  // beyond those that all of the transport have
  bool can_splice = false;                        // its receiver can
  std::optional<std::string> (*unavailable)() = always_available;
};

// The engine that moves bytes so.
Engine make_transfer_engine(const TransferRow& row);

}  // namespace pingperf
