// The agent's protocol: one JSON object per line. Agent and worker use the same protocol.
//
//   controller            agent                worker
//     |--- hello ---------->|
//     |<-- hello -----------|
//     |<-- recovered -------|                   |  if killed agents had left changes
//     |--- listen/connect ->|==== starts ======>|
//     |                     |--- the same ----->|
//     |<-- ready -----------|<------------------|  a server sends its address, before it accepts
//     |--- start ---------->|------------------>|
//     |<-- progress … ------|<------------------|
//     |<-- result or error -|<------------------|  the worker has ended, its number is free
//     |--- prepare -------->|==== starts ======>|  spare workers, for the next listen or connect
//     |--- copy ----------->|                   |  a part of a file of copy_files:
//     |--- counters ------->|                   |  before `start`, and after the results
//     |<-- counters --------|                   |  the changes since the first request
//     |--- switch --------->|                   |  undoes the changes of a variant, makes others
//     |<-- switched --------|                   |
//
// `stop` ends an endpoint early. An error without an endpoint ends the conversation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/base/counter.h"
#include "harness/base/lines.h"
#include "harness/engines/program.h"
#include "harness/experiment/plan.h"
#include "harness/experiment/variant.h"
#include "sockets/core/options.h"
#include "sockets/measure/measurement.h"
#include "sockets/transport/token.h"

namespace pingperf {

inline constexpr std::size_t kMaxRequest = 1 << 20;  // bytes
inline constexpr std::size_t kMaxEvent = 48 << 20;   // bytes: a result with ten hours of intervals

// Requests: from the controller to the agent.

struct ControllerHello {
  std::string version;
};

enum class Role { listen, connect };

// Starts an endpoint in its own worker.
struct OpenEndpoint {
  Role role = Role::listen;
  std::uint64_t endpoint = 0;  // a free number that the controller chose
  Options options;             // the engine's name included
  Token token{};
  std::string address;                // Address::to_string(): the address to bind or to connect to
  bool external = false;              // the peer is not pingperf
  std::optional<ProgramEnd> program;  // the command, if the engine is a program
  double timeout_s = 0;               // from now to the result; then the worker is killed
};

struct StartEndpoint {
  std::uint64_t endpoint = 0;
};

struct StopEndpoint {
  std::uint64_t endpoint = 0;
};

// Starts workers until so many are spare; they wait for the next OpenEndpoints. Sent between trials
// only, because the start of a process takes CPU time.
struct PrepareWorkers {
  std::uint64_t count = 1;
};

// Requests the present state of the host. Sent while no trial runs.
struct HostCheckRequest {
  double observe_s = 0;  // how long the CPUs are observed
};

// Writes a part of a file into the folder of copied files, which ends with the agent.
struct CopyFile {
  std::string path;      // relative to the folder
  unsigned mode = 0;     // permissions
  bool appends = false;  // false: the first part
  std::string data;      // hexadecimal
};

// Reads the host's counters. Sent just outside the measured window.
struct CountersRequest {
  bool begins = false;   // true: keeps them; false: answers with the changes since then
  bool kernel = false;   // those of the kernel
  bool network = false;  // those of the network namespace
  bool all = false;      // also those whose reading or counting costs more
};

// Asks whether the host can make the changes of each variant. Changes nothing.
struct CheckVariants {
  std::vector<SystemChanges> changes;
  bool claims = false;  // reserves the network namespace until the agent ends: another run cannot
                        // change it
};

// Undoes the changes that the agent has made, and makes others. Sent while no trial runs.
struct SwitchVariant {
  SystemChanges changes;               // may be empty
  std::vector<std::string> addresses;  // of the data: their interfaces are those of the changes
  std::vector<std::pair<std::string, std::string>> environment;  // of workers from now on
  std::string port_at;  // Address::to_string(): a free port is chosen there; "": none
};

// Asks for addresses as the host sees them: of a name, or of an interface. Sent before the first
// trial.
struct ResolveRequest {
  std::string name = {};    // to be resolved, or a link-local address of the host
  std::string device = {};  // an interface of the host; "": the name is meant
  bool is_own = false;      // the name is an address of the host: its scope is missing
};

using Request = std::variant<ControllerHello, OpenEndpoint, StartEndpoint, StopEndpoint,
                             PrepareWorkers, HostCheckRequest, CopyFile, CheckVariants,
                             SwitchVariant, CountersRequest, ResolveRequest>;

// Events: from the agent to the controller.

// One entry of the agent's list of engines.
struct EngineInfo {
  std::string name;
  std::string summary;
  Kind kind = Kind::throughput;
  Transport transport = Transport::tcp;
  std::vector<std::string> parameters;
  std::optional<std::string> unavailable;  // the reason, if the host cannot run it
};

struct HostFacts {
  std::string json = "{}";  // all facts, an object: host_facts() of the agent's host
  std::string hostname;     // the two that the controller reads; "" if unknown
  std::string boot_id;

  // Returns true if both are known to run under one kernel, whose clock and counters they share.
  bool shares_kernel_with(const HostFacts& other) const {
    return !boot_id.empty() && boot_id == other.boot_id;
  }
};

struct AgentHello {
  std::string version;
  std::vector<EngineInfo> engines;
  HostFacts host;
  std::string network_namespace;  // network_namespace(); "" if unknown
  bool recovers = false;          // Recovered follows
  // Set by the controller from Recovered.
  std::vector<std::string> undone;
  std::vector<std::string> not_undone;
};

// Changes that a run whose processes were killed had left: commands that undid them, and those that
// failed, with the error.
struct Recovered {
  std::vector<std::string> undone;
  std::vector<std::string> not_undone;
};

struct Ready {
  std::uint64_t endpoint = 0;
  std::string address;  // where the server can be reached; empty for a client
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
  std::optional<std::uint64_t> endpoint;  // empty: the conversation failed
  std::string what;                       // one line
  std::optional<int> error_number;        // errno, if a system call failed
  Status status = Status::failed;         // failed, timeout or refused
};

struct HostCheckResult {
  std::string facts = "{}";  // check_host() of the agent's host
};

struct CountersResult {
  std::vector<CounterChange> changes;  // of the agent's host; empty after `begins`
};

// Why the host cannot make changes of a variant. The text begins with a location in the file.
struct VariantsChecked {
  std::vector<std::string> problems;
};

struct Switched {
  std::string error;                    // why the changes were not made; ""
  std::vector<std::string> not_undone;  // the former changes that remain: a command and its error
  std::uint16_t port = 0;               // the free port
};

// The first address of each family; "" if there is none.
struct Resolved {
  std::string v4 = {};
  std::string v6 = {};     // with its scope if it has one
  std::string error = {};  // why there is none; "" if there is one
};

using Event = std::variant<AgentHello, Recovered, Ready, Progress, Result, Failure, HostCheckResult,
                           VariantsChecked, Switched, CountersResult, Resolved>;

// Return the message as one line without its newline. Replace bytes that are not UTF-8.
std::string encode(const Request& request);
std::string encode(const Event& event);

// Return the message in a line. Throw ProtocolError that names the line or the wrong key.
Request decode_request(std::string_view line);
Event decode_event(std::string_view line);

// Returns the endpoint of an event. Returns nothing for hello and for errors of the conversation.
std::optional<std::uint64_t> endpoint_of(const Event& event);

}  // namespace pingperf
