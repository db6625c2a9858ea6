// Engine: an implementation that moves the bytes, and the two ends that it makes.
//
// A new engine is one file that defines an Engine, and one line in engines.cpp: listing, validation
// and the conformance tests follow from its description.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sockets/core/address.h"
#include "sockets/core/options.h"
#include "sockets/measure/measurement.h"
#include "sockets/transport/token.h"

namespace pingperf {

// What both ends of a trial are told.
struct EndpointConfig {
  Options options;
  Token token{};
  Address address;           // server: where to bind, port 0 for any free one; client: whom to dial
  Nanoseconds deadline = 0;  // when set-up must be over; run() is bounded by the worker's parent
  bool external = false;     // the peer is none of ours to start, and knows no token: a `pingperf
                             // pong` or sink, an `iperf3 -s`
};

// One end of one trial, in a process of its own. Constructing it binds or connects, and throws what
// went wrong; after that nothing throws.
class Endpoint {
 public:
  virtual ~Endpoint() = default;

  // Where a server can be dialled. Empty for a client.
  virtual Address address() const { return {}; }

  // Server: accepts the client's connections and rejects unauthenticated peers until the session's
  // deadline. Throws std::runtime_error when the client did not come. Runs while the client
  // connects.
  virtual void accept() {}

  // Moves the bytes and measures; returns when the trial is over. `progress` may be empty.
  virtual Measurement run(const IntervalSink& progress) noexcept = 0;

  // Ends run() soon, from another thread.
  virtual void stop() noexcept = 0;
};

// One way to serve one kind of workload over one transport. Engines of one name form a family.
struct Engine {
  std::string_view name;
  std::string_view summary;  // one line
  Kind kind;
  Transport transport;
  std::vector<std::string_view> parameters;  // that it honours; giving it another is an error

  // Why it cannot run on this host; nothing when it can.
  std::function<std::optional<std::string>()> unavailable;
  // Empty: the far side needs nothing of ours, its kernel answers.
  std::function<std::unique_ptr<Endpoint>(const EndpointConfig&)> listen;
  std::function<std::unique_ptr<Endpoint>(const EndpointConfig&)> connect;

  // What is wrong with options that are each well-formed; nothing when they go together.
  std::function<std::optional<std::string>(const Options&)> validate = {};

  bool serves_external = false;  // its client can do with a server that someone else started

  bool honours(std::string_view parameter) const;
};

// The engines of this folder.
std::span<const Engine* const> socket_engines();

}  // namespace pingperf
