// The agent's protocol: one JSON object a line. The worker speaks the same dialect.
//
//   controller            agent                worker
//     |--- hello ---------->|
//     |<-- hello -----------|
//     |--- listen/connect ->|==== starts ======>|
//     |                     |--- the same ----->|
//     |<-- ready -----------|<------------------|  a server before it accepts: dial me here
//     |--- start ---------->|------------------>|
//     |<-- progress … ------|<------------------|
//     |<-- result or error -|<------------------|  the worker is gone, its number free
//
// `stop` ends an endpoint early. An error without an endpoint ends the conversation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/base/json.h"
#include "harness/base/lines.h"
#include "harness/results/record.h"
#include "sockets/core/options.h"
#include "sockets/measure/measurement.h"
#include "sockets/transport/token.h"

namespace pingperf {

inline constexpr std::size_t kMaxRequest = 1 << 20;  // bytes
inline constexpr std::size_t kMaxEvent = 48 << 20;   // a result with ten hours of intervals

// Requests: what the controller says.

struct ControllerHello {
  std::string version;
};

enum class Role { listen, connect };

// Starts an endpoint in a worker of its own.
struct OpenEndpoint {
  Role role = Role::listen;
  std::uint64_t endpoint = 0;  // the controller's number for it, free at the moment
  Options options;             // the engine's name included
  Token token{};
  std::string address;    // Address::to_string(): where to bind, or whom to dial
  bool external = false;  // the peer is none of ours
  double timeout_s = 0;   // from now to the result, else the worker is killed
};

struct StartEndpoint {
  std::uint64_t endpoint = 0;
};

struct StopEndpoint {
  std::uint64_t endpoint = 0;
};

// Between trials: what is the host like just now?
struct HostCheckRequest {
  double observe_s = 0;  // for so long its CPUs are watched
};

using Request =
    std::variant<ControllerHello, OpenEndpoint, StartEndpoint, StopEndpoint, HostCheckRequest>;

// Events: what the agent says.

// One entry of the agent's list of engines.
struct EngineInfo {
  std::string name;
  std::string summary;
  Kind kind = Kind::throughput;
  Transport transport = Transport::tcp;
  std::vector<std::string> parameters;
  std::optional<std::string> unavailable;  // on that host: why
};

struct AgentHello {
  std::string version;
  std::vector<EngineInfo> engines;
  Json host = Json::object();  // host_facts() of the agent's host
};

struct Ready {
  std::uint64_t endpoint = 0;
  std::string address;  // where the server can be dialled; empty for a client
};

struct Progress {
  std::uint64_t endpoint = 0;
  Interval interval;
};

struct Result {
  std::uint64_t endpoint = 0;
  Measurement measurement;
};

struct Failure {
  std::optional<std::uint64_t> endpoint;  // empty: of the whole conversation
  std::string what;                       // one line
  std::optional<int> error_number;        // errno, where a system call failed
  Status status = Status::failed;         // failed, timeout or refused
};

struct HostCheckResult {
  Json facts = Json::object();  // check_host() of the agent's host
};

using Event = std::variant<AgentHello, Ready, Progress, Result, Failure, HostCheckResult>;

// One line, without its newline. Bytes that are not UTF-8 are replaced.
std::string encode(const Request& request);
std::string encode(const Event& event);

// The reverse. Throw ProtocolError naming the line, or the key that is wrong in it.
Request decode_request(std::string_view line);
Event decode_event(std::string_view line);

// The endpoint that an event is about; nothing for hello and for errors of the conversation.
std::optional<std::uint64_t> endpoint_of(const Event& event);

}  // namespace pingperf
