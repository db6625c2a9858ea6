// Hosts that stand outside of the experiment file: in a file of hosts, in the job of Slurm that
// pingperf runs in, or behind a selector of Kubernetes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/experiment/yaml.h"

namespace pingperf {

// Where a list of hosts comes from.
struct HostSource {
  std::string key;                   // names its text among the used files
  std::string file;                  // relative to the experiment file; empty: no file
  std::vector<std::string> command;  // prints the hosts; empty: no command
  Mark mark;
};

// Returns the source that the value of a launcher's key in `nodes` names: "@FILE", `srun: job`, or
// `kubectl: {selector: …}`. Its key is empty if the value is the list itself. Throws UsageError.
HostSource source_of(std::string_view launcher, const Node& value);

// Returns the sources of the section `hosts` of an experiment.
std::vector<HostSource> host_sources(const Node& hosts);

// Reads the file, or asks Slurm or Kubernetes, for at most 10 s. `folder` is that of the experiment
// file. Returns the text of a file of hosts. Throws UsageError.
std::string look_up(const HostSource& source, const std::filesystem::path& folder);

}  // namespace pingperf
