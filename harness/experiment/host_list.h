// Lists of host names: bracket ranges as Slurm and Ansible write them, and files of hosts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment/yaml.h"

namespace pingperf {

inline constexpr std::size_t kMaxNodes = 10'000;  // per experiment

// A host of a list, and where it is written.
struct ListedHost {
  std::string name;
  std::string address;  // empty: not given
  Mark mark;
};

// Returns the names of a text such as "node[01-03,20],login1" or "rack[1-2]-[a:c]". A number keeps
// its zero padding. Throws UsageError at `mark` for a range that is empty or backwards.
std::vector<std::string> expand_names(std::string_view text, const Mark& mark);

// Reads a file of hosts: a host or range per line, a single host optionally with its address. '#'
// begins a comment. `source` is the file's name in errors. Throws UsageError.
std::vector<ListedHost> parse_host_file(std::string_view text, const std::string& source);

}  // namespace pingperf
