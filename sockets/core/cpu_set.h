// Sets of CPUs, as `pin` names them: "3", "0-3,8", or "node1" for those of a NUMA node.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sockets/core/options.h"

namespace pingperf {

using Cpus = std::vector<unsigned>;  // in ascending order, each once

inline constexpr unsigned kMaxCpu = 4095;

// Parses a list of CPUs and ranges, as the kernel writes it (cpuset(7)). Returns nullopt if the
// text is no list, or has a number above kMaxCpu.
std::optional<Cpus> parse_cpus(std::string_view text);

// Returns the shortest list that parse_cpus() reads: "0-3,8".
std::string to_text(const Cpus& cpus);

// Returns the number of the node of "node1"; nullopt if the text is no node.
std::optional<unsigned> parse_node(std::string_view text);

// Returns the pin as columns have it: "0-3" for "0,1,2,3". Returns nullopt if it is neither a list
// of CPUs nor a node.
std::optional<std::string> normalized_pin(std::string_view text);

// Returns the CPUs of a pin on this host. Throws std::runtime_error if it has no such node.
Cpus cpus_of_pin(std::string_view pin);

// Replaces nodes in the pins of both ends by their CPUs on this host, so that they can be compared.
// Leaves a node that this host does not have. Returns true if it has replaced one.
bool resolve_nodes(Options& options);

// Returns the CPUs that the calling thread may run on. Throws std::system_error.
Cpus allowed_cpus();

// Returns the CPUs that the calling thread can be pinned to: those of its cpuset that are online.
// By taskset(1) it may run on fewer. Throws std::system_error.
Cpus usable_cpus();

// Returns why a process that can use `usable` cannot be pinned to `cpus`; nullopt if it can.
std::optional<std::string> why_unusable(const Cpus& cpus, const Cpus& usable);

// Lets the calling thread run only on these CPUs. Returns false with errno on an error.
bool set_affinity(std::span<const unsigned> cpus) noexcept;

// Returns true if the pin, normalized, is a single CPU.
bool is_one_cpu(const std::optional<std::string>& pin);

// Returns true if both ends are pinned to the same single CPU.
bool share_one_cpu(const Options& options);

// Returns true if both ends have a thread on the same CPU. With a thread per stream, those of the
// client take the CPUs of its pin from the first on, and those of the server from the last on.
// Returns false for nodes, whose CPUs only the hosts know.
bool threads_share_a_cpu(const Options& options);

}  // namespace pingperf
