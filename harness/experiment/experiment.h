// Experiment: the content of one YAML file. The reader has validated it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/shared.h"
#include "harness/engines/program.h"
#include "harness/experiment/variant.h"
#include "sockets/core/options.h"
#include "sockets/transport/engine.h"

namespace pingperf {

// The host that one end of a trial runs on.
struct Host {
  std::string name;                 // in the names of pairs; empty: none
  std::vector<std::string> launch;  // argv prefix that starts an agent there; empty: this machine
  std::string address;              // of the data; empty: loopback
  std::string bind;                 // address that the server binds to; empty: `address`
  std::string interface;            // has the address of the data; empty: `address` says it
  std::string address6;             // of the data of trials with ip: 6; empty: address
  std::string pingperf;             // path of pingperf on that host; empty: this executable's
  bool copy = false;                // copies this executable there if the host has no such version
  std::string external;             // address of a server that runs there without an agent
  std::uint16_t port = 0;           // of the external server
  std::string location;             // in the file, for errors
  Nanoseconds start_timeout = 10 * kSecond;  // until its agent answers: a key of the plan

  bool is_external() const { return !external.empty(); }
};

// The hosts of the two ends of a trial. The pairs of a list of nodes share their hosts.
struct HostPair {
  Shared<Host> client;
  Shared<Host> server;
  std::optional<Shared<Host>> router;  // of a lab, if a variant changes it
  std::string name;                    // on the axis `pair`
  std::size_t group = 0;               // pairs of different groups never measure at the same time
};

// Returns true if both ends may run on one machine, and so on the same CPUs. A network namespace or
// a container is on this machine.
bool may_share_cpus(const HostPair& hosts);

// `lab:`: a network that is made for the run. Delay, loss and reordering apply to each direction.
struct LabOptions {
  static constexpr Nanoseconds kDefaultBuffer = 100 * kMillisecond;
  static constexpr std::uint64_t kDefaultMtu = 1500;  // the kernel's

  std::optional<std::uint64_t> rate_bps;      // of the bottleneck, in both directions
  std::optional<Nanoseconds> buffer;          // of the bottleneck, as time at its rate
  std::optional<std::uint64_t> buffer_bytes;  // of the bottleneck, in bytes
  std::optional<Nanoseconds> delay;
  std::optional<Nanoseconds> jitter;
  std::optional<double> loss;     // share
  std::optional<double> reorder;  // share that is not delayed
  std::optional<std::uint64_t> mtu;
  std::optional<bool> offloads;  // TSO, GSO and GRO of the devices; empty: the kernel's choice
  bool router = true;            // between the two ends
  std::string location;          // in the file, for errors
};

// Per run: one repetition of a workload between all pairs of 1024 nodes.
inline constexpr std::size_t kMaxTrials = 1'100'000;

enum class Order { shuffled, sequential };  // as the choices in keys.cpp

// Which counters of the hosts a run records, in the order of the choices in keys.cpp.
enum class Counters { off, standard, all };

struct PlanOptions {
  std::uint64_t repetitions = 10;
  Order order = Order::shuffled;
  std::uint64_t seed = 1;
  Nanoseconds cooldown = 100 * kMillisecond;
  std::optional<Nanoseconds> timeout;  // of a whole trial; empty: its length plus 10 s
  Counters counters = Counters::standard;
  Nanoseconds host_grace = 60 * kSecond;  // how long a round waits for a host that is away
};

// `search:`: looks for the highest value of a parameter that keeps a condition. The condition names
// metrics, so it is read with the criteria.
struct Search {
  const Parameter* parameter = nullptr;  // rate or frequency
  double from = 0;                       // bounds, in the unit of the parameter's column
  double to = 0;
  double precision = 0.02;    // half the width of the interval, as a share of the estimate
  std::uint64_t trials = 60;  // maximum number
};

// One point of a workload's matrix, on one pair of hosts. Every parameter is resolved. The cases of
// a point share their options.
struct Case {
  std::string name;  // workload, then the matrix keys: "bulk/engine=iperf3/streams=4"
  std::string workload;
  std::vector<std::pair<std::string, std::string>>
      axes;  // matrix keys and their values as in the file
  Shared<Options> options;
  const Engine* engine = nullptr;
  std::shared_ptr<const Program> program;  // that `engine` belongs to; null: an engine of ours
  std::size_t pair = 0;                    // index into Experiment::hosts
  bool is_sum = false;                     // of all pairs of a trial; made from their rows, not run
  std::shared_ptr<const Variant> variant;  // null: the experiment has none
  std::shared_ptr<const Case> background;  // a transfer that loads the network at the same time
  // The options hold the value of the next trial.
  std::optional<Search> search;
};

struct ExperimentSource;  // harness/experiment/experiment_reader.h

struct Experiment {
  std::string name;
  std::string description;
  std::string folder;  // of the file, absolute: relative paths count from there
  std::vector<HostPair> hosts = std::vector<HostPair>(1);
  bool has_pairs = false;         // cases have an axis `pair`
  std::size_t pairs_at_once = 1;  // number of pairs that measure at the same time
  std::size_t minimum_hosts = 0;  // a run goes on without the others; 0: it needs all hosts
  bool has_sums = false;          // all pairs are one trial, and a case is their sum
  std::optional<LabOptions> lab;  // a lab has the hosts
  PlanOptions plan;
  std::vector<std::shared_ptr<const Program>> programs;
  std::vector<std::shared_ptr<const Variant>> variants;
  std::vector<Case> cases;            // in the order of the file
  std::vector<std::string> warnings;  // of overrides
  // read_criteria() reads it. Null if the experiment was not read from a file.
  std::shared_ptr<const ExperimentSource> source;

  const HostPair& hosts_of(const Case& c) const { return hosts[c.pair]; }
  // Returns the numbers of the pairs that cases run on, in order.
  std::vector<std::size_t> pairs_in_use() const {
    std::vector<bool> is_used(hosts.size());
    for (const Case& c : cases) is_used[c.pair] = true;
    std::vector<std::size_t> pairs;
    for (std::size_t pair = 0; pair < hosts.size(); ++pair)
      if (is_used[pair]) pairs.push_back(pair);
    return pairs;
  }
  bool is_external(const Case& c) const { return hosts_of(c).server->is_external(); }
};

}  // namespace pingperf
