// History: runs kept over time, in one SQLite file. docs/history.md describes its tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/history/sqlite.h"

namespace pingperf {

// A stored run without its trials.
struct HistoryRun {
  std::int64_t id = 0;  // in the store, from 1
  std::string name;     // of its directory: "20261128T161002Z-1"
  std::string experiment;
  std::string started_at;  // ISO 8601, UTC
  std::string machine;     // the host names of client and server, or what the user names it
  std::string directory;   // where it was when it was added; empty if only trials.csv is known
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> facts;  // of the hosts: {"kernel", "Linux 6.1"}
};

// The median of a metric in the ok trials of a case.
struct HistoryMedian {
  std::string case_name;
  std::string metric;
  std::string parameters;  // of the case: "engine=blocking streams=1"
  double value = 0;
  std::uint64_t trials = 0;
};

// A run with everything that the store keeps of it.
struct HistoryEntry {
  HistoryRun run;           // its id does not count
  std::string identity;     // of its experiment, name, start and hosts
  std::string run_id;       // of its environment.json; empty: an earlier version's, or not known
  std::string environment;  // environment.json; may be empty
  std::string trials;       // trials.csv without empty columns
  std::vector<HistoryMedian> medians;
};

// Selects stored runs. An empty field selects all.
struct HistoryFilter {
  std::string experiment;
  std::string machine;
  std::map<std::string, std::string> labels;  // the run has all of these
  std::string since;                          // "KEY=VALUE" of the first run, or a date
  std::optional<std::size_t> last;            // only this many of the newest runs
};

// Returns the index of the first run with a label ("commit=1a2b3c4") or from a date on. Throws
// UsageError if there is none.
std::size_t index_since(const std::vector<HistoryRun>& runs, const std::string& since);

// Returns "KEY: OLD, now NEW" for each fact that both runs have and that differs. If a fact is
// common to both ends in only one run, compares it with each end's fact of the other run: "client
// kernel".
std::vector<std::string> changed_facts(const HistoryRun& before, const HistoryRun& after);

// A point of a series: the median of one case in one run.
struct HistoryPoint {
  std::int64_t run = 0;
  std::int64_t case_id = 0;
  std::int64_t parameters = 0;
  double value = 0;
};

// One open store. All functions throw UsageError if the file is damaged, and DatabaseError on other
// errors of SQLite. With Access::read, everything is read in one transaction, so that writers do
// not change what is read.
class History {
 public:
  using Access = Database::Access;
  enum class Added { added, updated, unchanged };

  inline static constexpr int kVersion = 2;  // of the tables

  // Opens the store. `write` creates it, and updates the tables of an older version. Throws
  // UsageError if it does not exist, is damaged, is not of pingperf, or is of a newer version.
  History(const std::filesystem::path& file, Access access);

  // Adds the run, or replaces the stored run of the same identity if anything differs. Two runs of
  // one identity with different ids are two runs. A run without an id matches every run of the same
  // identity. Labels are added to those that are stored. Durable when it returns.
  Added add(const HistoryEntry& entry);

  // Returns the selected runs in the order of their start. Throws UsageError if no run has the
  // label of `since`.
  std::vector<HistoryRun> runs(const HistoryFilter& filter);
  // Returns the run with this number or name.
  std::optional<HistoryRun> run(std::string_view id_or_name);
  // Returns the stored trials.csv, and environment.json or "".
  std::string trials(std::int64_t run);
  std::string environment(std::int64_t run);

  // Returns the medians of a metric in these runs, ordered by run and case.
  std::vector<HistoryPoint> points(const std::string& metric, const std::set<std::int64_t>& runs);
  // Returns the metrics that any run has.
  std::vector<std::string> metrics();
  // Return the texts of the numbers in points.
  std::map<std::int64_t, std::string> case_names();
  std::string parameters(std::int64_t id);

  // Removes runs and returns their space to the file system.
  void remove(const std::vector<HistoryRun>& runs);

  const std::string& file() const noexcept { return database_->file(); }

 private:
  void check_version(Access access);
  std::int64_t number_of(const char* table, const std::string& text);
  void insert(const HistoryEntry& entry, std::int64_t id);
  void erase(std::int64_t id);
  bool set_labels(std::int64_t id, const std::map<std::string, std::string>& labels);
  void read_labels(std::vector<HistoryRun>& runs);

  std::unique_ptr<Database> database_;
  std::unique_ptr<Transaction> reading_;
};

}  // namespace pingperf
