// Variant: a state of the system in which cases are measured (docs/variants.md).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/engines/program.h"
#include "sockets/core/clock.h"

namespace pingperf {

// The systems that a variant can change. Only a lab has a router.
enum class Target { client, server, router };

inline constexpr std::array<Target, 3> kTargets = {Target::client, Target::server, Target::router};
inline constexpr std::array<std::string_view, 3> kTargetNames = {"client", "server", "router"};

std::string_view name(Target target);

using Arguments = std::vector<std::string>;

// The changes that a variant makes on one system. The agent makes the changes in the order of the
// fields, and undoes them in the reverse order.
struct SystemChanges {
  struct Sysctl {
    std::string name;  // "net.ipv4.tcp_rmem"
    std::string value;
    std::string location;  // in the file
  };
  struct Command {
    Arguments arguments;
    std::string location;  // in the file
  };

  std::vector<Sysctl> sysctls;
  std::optional<std::uint64_t> mtu;           // of the interfaces that carry the data
  std::optional<bool> offloads;               // TSO, GSO and GRO of these interfaces
  std::vector<Command> setup;                 // commands
  std::vector<Command> teardown;              // undo all of `setup`, in their own order
  std::optional<double> cpu_limit;            // of all workers together, in CPUs
  std::optional<std::uint64_t> memory_limit;  // of all workers together, in bytes
  std::string location;                       // of the variant in the file

  // Returns true if another run could notice the changes. Limits apply to own workers only.
  bool change_the_system() const { return !sysctls.empty() || mtu || offloads || !setup.empty(); }
  bool are_empty() const { return !change_the_system() && !cpu_limit && !memory_limit; }
};

// Returns each change as the command that would make it, such as "sysctl -w net.core.rmem_max=1".
std::vector<std::string> commands_of(const SystemChanges& changes);

// A process that runs as long as the variant, such as a proxy in the path.
struct Service {
  Target on = Target::server;  // client or server
  // Arguments with the placeholders {address}, {port} and {service_port}.
  std::vector<std::string> run;
  std::optional<ProgramReady> ready;  // empty: it listens on {service_port}
  std::string location;               // in the file

  bool names(std::string_view placeholder) const;
};

// Where the client connects to instead of the server: to a service.
struct Dial {
  std::string host;        // empty: the server's address
  std::uint16_t port = 0;  // 0: {service_port}
};

struct Variant {
  std::string name;
  std::string location;                                // in the file
  std::array<SystemChanges, kTargets.size()> changes;  // by Target
  std::vector<Service> services;
  std::string address;       // of the server in this variant; empty: as in `hosts`
  std::optional<Dial> dial;  // of the service that listens on {service_port}
  std::vector<std::pair<std::string, std::string>> environment;  // of the workers
  std::optional<Nanoseconds> settle;

  const SystemChanges& of(Target target) const { return changes[static_cast<std::size_t>(target)]; }
  // Returns the time to wait after the changes. Nothing has to settle if nothing changes.
  Nanoseconds settling_time() const;

 private:
  bool changes_nothing() const;
};

// Returns the error of an argument of a service that has a wrong placeholder.
std::optional<std::string> error_of_service_argument(std::string_view argument);

// Returns the arguments of a service as those of a program. {service_port} becomes {port}, the port
// of the program. `address` and `port` are those of the server.
ProgramEnd program_of(const Service& service, const std::string& variant,
                      const std::string& address, std::uint16_t port);

}  // namespace pingperf
