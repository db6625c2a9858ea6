// Reads one parameter of a workload into Options, by the table of sockets/core/options.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment/yaml.h"
#include "sockets/core/options.h"

namespace pingperf {

// Returns the keys of a workload that set Options: kind, transport, engine, every parameter, dscp,
// and the maps of parameters, such as pin.
std::vector<std::string_view> assignable_keys();

// Returns the keys of a map of parameters: the parameter "pin.client" is the key client of pin.
std::vector<std::string_view> keys_of_map(std::string_view map);

// Returns the name of every parameter.
std::vector<std::string_view> parameter_names();

// Sets the option `key`. Returns the names of the parameters that were set ("pin.client"): none for
// kind, transport and engine. Throws UsageError at the value's location.
std::vector<std::string> assign(Options& options, const std::string& key, const Node& value);

// Throws UsageError that names each key of `node` that is not in `keys`, or if `node` is not a map.
// `where` names the node. `likely` are the keys of `keys` that the error suggests first and lists;
// empty: all.
void check_keys(const Node& node, std::string_view where, const std::vector<std::string_view>& keys,
                const std::vector<std::string_view>& likely = {});

// Returns ", did you mean 'KEY'?" with the key that does what `key` does in other tools, the path
// of `key` in another section ("plan.seed"), or a similar key of `likely` or else of `keys`.
// Returns "; known: " and the keys of `likely` if there is none.
std::string suggest_key(std::string_view key, const std::vector<std::string_view>& likely,
                        const std::vector<std::string_view>& keys);

// Each of these throws UsageError at the node's location. The error names `what` and a correct
// value.
Nanoseconds read_duration(const Node& node, std::string_view what);
std::uint64_t read_count(const Node& node, std::string_view what, std::uint64_t minimum,
                         std::uint64_t maximum);
// Reads a count. The key `key` of `section` has its range (keys.h).
std::uint64_t read_key_count(const Node& node, std::string_view section, std::string_view key);
// Reads one of the choices of the key `key` of `section` (keys.h). Returns its index in them.
std::size_t read_key_choice(const Node& node, std::string_view section, std::string_view key);
const std::string& read_text(const Node& node, std::string_view what);
// Refuses a name that would vanish from a table: "NA", "None", "nan". A stored run may have it.
void check_for_missing(std::string_view name, const Mark& mark, std::string_view what);
bool read_flag(const Node& node, std::string_view what);

}  // namespace pingperf
