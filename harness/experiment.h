// Experiment: one validated YAML file. Everything after this file can rely on it.
#pragma once

#include <cstdint>
#include <filesystem>
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

// One end of the trials: the host it runs on.
struct Host {
  std::vector<std::string> launch;  // argv prefix that starts an agent there; empty: this machine
  std::string address;              // where the data go; empty: loopback
  std::string pingperf;             // path of pingperf on that host; empty: this executable's
  std::string external;             // a server that someone else started there; no agent of ours
  std::uint16_t port = 0;           // where that one listens

  bool is_external() const { return !external.empty(); }
};

enum class Order { shuffled, sequential };

struct PlanOptions {
  std::uint64_t repetitions = 5;
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
};

// `compare:`: pairs whose ratio is wanted. Either `axis` with a baseline value of it, or a workload
// against a baseline workload.
struct Compare {
  std::string metric;
  std::string axis;                     // empty: between workloads
  std::string baseline;                 // value of the axis, or the workload
  std::optional<std::string> workload;  // only this one; empty: all that have the axis
};

struct Experiment {
  std::string name;
  std::string description;
  Host client;
  Host server;
  PlanOptions plan;
  std::vector<Case> cases;  // in the order of the file
  std::vector<Compare> compare;
};

// Where an experiment departs from its file: `run --set` and `--only`.
struct Overrides {
  std::vector<std::string> set;  // "workloads.bulk.duration=5s"
  std::string only;              // glob over case names and workload names; empty: all
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
