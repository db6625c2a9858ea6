// Experiment: one validated YAML file. Everything after this file can rely on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "sockets/engine.h"
#include "sockets/options.h"

namespace pingperf {

// Wrong input of the user: one line that says where, what, and what would be right. Exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The host that one end of a trial runs on.
struct Host {
  std::vector<std::string> launch;  // argv prefix that starts an agent there; empty: this machine
  std::string address;              // where the data go; empty: loopback
  std::string address6;             // likewise of trials with ip: 6; empty: address
  std::string pingperf;             // path of pingperf on that host; empty: this executable's
  bool copy = false;                // put this executable there when it is missing or another
  std::string external;             // a server that someone else started there; no agent of ours
  std::uint16_t port = 0;           // where that one listens
  std::string place;                // in the file, for errors

  bool is_external() const { return !external.empty(); }
};

// The hosts of the two ends of a trial.
struct HostPair {
  Host client;
  Host server;
};

// `lab:`: the network that is made for the run. Delay, loss and reordering are of each direction.
struct LabOptions {
  static constexpr Nanoseconds kDefaultBuffer = 100 * kMillisecond;

  std::optional<std::uint64_t> rate_bps;      // of the bottleneck, in both directions
  std::optional<Nanoseconds> buffer;          // before it, in time at its rate
  std::optional<std::uint64_t> buffer_bytes;  // or in bytes
  std::optional<Nanoseconds> delay;
  std::optional<Nanoseconds> jitter;
  std::optional<double> loss;     // share
  std::optional<double> reorder;  // share that overtakes the delay
  std::optional<std::uint64_t> mtu;
  std::optional<bool> offloads;  // TSO, GSO and GRO of its devices; empty: the kernel's choice
  bool router = true;            // between the two ends
  std::string place;             // in the file, for errors
};

inline constexpr std::size_t kMostTrials = 1'000'000;  // of one run

enum class Order { shuffled, sequential };

// `until:`: when a run may stop, from `repetitions` blocks on.
struct Until {
  std::vector<std::string> metrics;
  double relative_ci = 0;       // half the width of the interval, as a share of the estimate
  bool of_comparisons = false;  // the interval of each compared ratio, not of each case's median
  std::uint64_t at_most = 0;    // blocks
};

struct PlanOptions {
  std::uint64_t repetitions = 10;
  std::optional<Until> until;
  Order order = Order::shuffled;
  std::uint64_t seed = 1;
  Nanoseconds cooldown = 100 * kMillisecond;
  std::optional<Nanoseconds> timeout;  // of a whole trial; empty: its length plus 10 s
};

// One point of a workload's matrix, every parameter resolved.
struct Case {
  std::string name;  // workload, then the matrix keys: "bulk/engine=iperf3/streams=4"
  std::string workload;
  std::vector<std::pair<std::string, std::string>>
      axes;  // matrix keys and their values, as written
  Options options;
  const Engine* engine = nullptr;
  std::size_t pair = 0;                    // where it runs: into Experiment::hosts
  std::shared_ptr<const Case> background;  // a transfer that loads the network meanwhile
};

class RunSet;

// What is judged, and what it is judged against; by name.
struct CasePair {
  std::string candidate;
  std::string baseline;  // empty: judged by itself
};

// An entry of `compare:`: pairs whose ratio is wanted.
struct Compare {
  std::string metric;
  std::vector<CasePair> pairs;
};

// What becomes of a gate that the data do not decide: repeat = of more blocks, then pass.
enum class Inconclusive { pass, fail, repeat };

// An entry of `gates:`: a bound that its cases must keep.
struct Gate {
  std::string metric;
  std::vector<CasePair> pairs;  // with a baseline or `against`, the bound is one of the ratio
  std::string against;          // a stored run, as named; empty: none
  // Its trials, as they were when the experiment was read. A pair's baseline is then what each
  // trial is divided by first, that of its own block.
  std::shared_ptr<const RunSet> stored;
  std::optional<double> at_least;  // of a ratio, or in the metric's unit
  std::optional<double> at_most;
  Inconclusive inconclusive = Inconclusive::pass;

  bool bounds_ratio() const { return !against.empty() || !pairs.front().baseline.empty(); }
};

struct Experiment {
  std::string name;
  std::string description;
  std::vector<HostPair> hosts = std::vector<HostPair>(1);
  bool has_pairs = false;         // cases are told apart by an axis `pair`
  std::size_t pairs_at_once = 1;  // how many of them measure at the same moment
  std::optional<LabOptions> lab;  // its namespaces are the hosts
  PlanOptions plan;
  std::vector<Case> cases;  // in the order of the file
  std::vector<Compare> compare;
  std::vector<Gate> gates;
  std::size_t gates_left_out = 0;  // those against stored runs, when they were to be left out

  const HostPair& hosts_of(const Case& c) const { return hosts[c.pair]; }
  bool is_external(const Case& c) const { return hosts_of(c).server.is_external(); }
};

// Where an experiment departs from its file: `run --set` and `--only`.
struct Overrides {
  std::vector<std::string> set;      // "workloads.bulk.duration=5s"
  std::string only;                  // glob over case names and workload names; empty: all
  bool without_stored_runs = false;  // leave out the gates that are against one
};

// Reads and validates. Throws UsageError "file:line:column: …" on the first thing that is wrong.
Experiment load_experiment(const std::filesystem::path& file, const Overrides& overrides = {});

// The text of an experiment's file. Throws UsageError when it cannot be one: missing, a directory,
// too large.
std::string read_experiment(const std::filesystem::path& file);

// The same as load_experiment() from text; `source` stands in for the file's name in errors.
Experiment parse_experiment(const std::string& text, const std::string& source,
                            const Overrides& overrides = {});

}  // namespace pingperf
