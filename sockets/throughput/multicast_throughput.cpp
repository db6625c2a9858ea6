// Bulk transfer to a multicast group: one sender, and a thread per receiver. Each receiver counts
// what it has received and what it has lost.
#include <sys/socket.h>

#include "sockets/core/error.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/transport/multicast.h"

namespace pingperf {
namespace {

std::vector<Fd> connect_to_group(const EndpointConfig& config, std::size_t count) {
  std::vector<Fd> flows = kMulticast.connect(config, count);
  const Address group = group_of(flows.front().get(), config.options);
  check(::connect(flows.front().get(), group.data(), group.size()),
        "connect to " + group.to_string());
  return flows;
}

// The sender has one stream.
EndpointConfig with_one_stream(EndpointConfig config) {
  config.options.streams = 1;
  return config;
}

}  // namespace

const Engine& multicast_throughput() {
  static const TransportOps transport = {kMulticast.listen, kMulticast.admit, connect_to_group,
                                         kMulticast.framing};
  static const TransferOps ops = {blocking_datagram_loops().send, blocking_datagram_loops().receive,
                                  transport};
  static const Engine engine = [] {
    Engine row = make_transfer_engine({.name = "blocking",
                                       .summary = kBlockingSummary,
                                       .transport = Transport::multicast,
                                       .ops = ops,
                                       .parameters = {"group", "receivers", "tos", "port"}});
    for (const std::string_view unsupported : {"streams", "reverse", "bidirectional"})
      std::erase(row.parameters, unsupported);
    row.listen = [](const EndpointConfig& c) { return listen_transfer(ops, with_one_stream(c)); };
    row.connect = [](const EndpointConfig& c) { return connect_transfer(ops, with_one_stream(c)); };
    row.validate = [general = row.validate](const Options& o) {
      auto error = validate_multicast(o);
      return error ? error : general(o);
    };
    row.serves_external = false;
    return row;
  }();
  return engine;
}

}  // namespace pingperf
