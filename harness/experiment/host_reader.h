// Reads the `hosts:` of an experiment.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/experiment/used_files.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Returns the names of the short forms of `launch`: "ssh", "netns", ...
std::vector<std::string_view> launcher_names();

// Returns the keys of a host that say how it is reached: launcher_names() and "launch".
std::vector<std::string_view> ways_to_reach();

// Returns the arguments before `pingperf agent` of a short form. `space` is the namespace of a pod,
// or empty.
std::vector<std::string> launch_by(std::string_view launcher, const std::string& host,
                                   const std::string& space = {});

// Returns the host's name in a short form: without the user of ssh's "user@host".
std::string name_of_host(std::string_view launcher, const std::string& host);

// Returns true if programs on the host run in the folders of this machine, and not in copies: it
// has no launcher, or it is of a lab.
bool runs_in_place(const Experiment& experiment, const Host& host);

// Refuses names that the launcher would read as options.
std::string read_name(const Node& node, std::string_view what);

// Refuses pairs of one name, and two hosts of one name.
class UniqueNames {
 public:
  // Throws UsageError. `mark` is the location of the pair.
  void add(const HostPair& pair, const Mark& mark);

 private:
  std::unordered_set<std::string> pairs_;
  std::set<const Host*> seen_;
  std::map<std::string, std::string> hosts_;  // the way to each
};

// Reads the pairs of hosts, and the number of pairs that measure at once, into `experiment`. `used`
// has the hosts that stand outside of the file. Throws UsageError.
void read_hosts(const Node& hosts, const std::vector<UsedFile>& used, Experiment& experiment);

}  // namespace pingperf
