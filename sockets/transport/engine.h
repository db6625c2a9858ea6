// Engine: one implementation of a kind of workload over one transport.
//
// A new engine is one file that defines an Engine, and one line in sockets/engines.cpp. The list of
// engines, the validation and the conformance tests use the members of Engine.
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

// The input of both ends of a trial.
struct EndpointConfig {
  Options options;
  Token token{};
  Address address;             // server: to bind, port 0: any free port; client: to connect to
  std::vector<unsigned> cpus;  // of this process, one per thread in turn; empty: not pinned
  Nanoseconds deadline = 0;    // end of set-up; the parent of the worker limits the time of run()
  bool external = false;  // pingperf did not start the peer, which has no token: `pingperf pong`,
                          // `pingperf sink` or `iperf3 -s`
};

// One end of one trial. A constructor binds or connects, and throws std::system_error or
// std::runtime_error. One thread calls accept() and run(); any thread may call stop().
class Endpoint {
 public:
  virtual ~Endpoint() = default;

  // Returns the address that clients connect to. Empty for a client.
  virtual Address address() const { return {}; }

  // Server: accepts the client's connections and rejects unauthenticated peers. Must run while the
  // client connects. Throws std::runtime_error if the client has not connected by the deadline.
  virtual void accept() {}

  // Runs the trial and returns the figures of this end. `progress` may be empty.
  virtual Measurement run(const IntervalSink& progress) noexcept = 0;

  // Makes run() return soon.
  virtual void stop() noexcept = 0;
};

// One row of the table of engines. Engines with the same name form a family.
struct Engine {
  std::string_view name;
  std::string_view summary;  // one line
  Kind kind;
  Transport transport;
  std::vector<std::string_view> parameters;  // honoured parameters; others are errors

  // Returns why the engine cannot run on this host; nullopt if it can.
  std::function<std::optional<std::string>()> unavailable;
  // Create the two ends. `listen` is empty if the kernel of the server's host answers.
  std::function<std::unique_ptr<Endpoint>(const EndpointConfig&)> listen;
  std::function<std::unique_ptr<Endpoint>(const EndpointConfig&)> connect;

  // Returns why valid options cannot be combined; nullopt if they can. A text that begins with the
  // name of a parameter and a colon is about that parameter.
  std::function<std::optional<std::string>(const Options&)> validate = {};

  bool serves_external = false;  // the client supports servers that pingperf did not start

  // Returns true if `parameters` contains the parameter.
  bool honours(std::string_view parameter) const;
};

// Returns all engines of sockets/.
std::span<const Engine* const> socket_engines();

}  // namespace pingperf
