// RunDirectory: the files of one run, complete after every trial.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/results/own_columns.h"
#include "harness/results/record.h"
#include "sockets/core/fd.h"

namespace pingperf {

// The trials of a run that have rows. One bit per trial keeps a long run small.
class FinishedTrials {
 public:
  // Returns false if the trial was there already.
  bool insert(std::string_view case_name, std::uint64_t repetition);
  bool contains(std::string_view case_name, std::uint64_t repetition) const;
  bool empty() const noexcept { return of_case_.empty(); }

 private:
  std::map<std::string, std::vector<bool>, std::less<>> of_case_;  // by repetition
};

// Owns results/<name>/<UTC time>-<seed>/ while a run writes to it. flock(2) allows one writer at a
// time. Each row is appended in one write and synced. resume() repairs the files after a kill.
class RunDirectory {
 public:
  // Creates the directory with experiment.yaml, environment.json and the headers of the three
  // CSV files, which have the columns of `own` too, and points results/<name>/latest at it. Throws
  // std::system_error.
  static RunDirectory create(const std::filesystem::path& results, const std::string& name,
                             std::uint64_t seed, std::string_view experiment_yaml,
                             std::string_view environment_json, const OwnColumns& own = {});

  // Opens the directory of a run that ended early: drops a torn last row, the row of an interrupted
  // trial, and intervals and counters whose trial has no row. Creates counters.csv if an earlier
  // version did not. Throws UsageError when another controller writes
  // to it or its columns are of another version, CsvError when it is damaged.
  // `Rerun::failed` drops the rows of all trials that are not ok, so that they run again. In an
  // experiment with sums of pairs, drops the rows of all pairs of a trial whose sum is dropped or
  // missing, because only together they are that trial.
  enum class Rerun { missing, failed };
  static RunDirectory resume(const std::filesystem::path& directory, Rerun rerun = Rerun::missing,
                             bool has_sums = false, const OwnColumns& own = {});

  // Points results/<name>/latest at this run, which may have been killed before it did so. Does
  // nothing if `latest` is a newer run or the directory is no longer in results/<name>/.
  void update_latest_link(const std::string& name) const;

  // Writes the trials' histograms and samples, if they have them, their intervals, their counters,
  // then their rows. Each table is written and synced once. Throws std::system_error.
  void append(std::span<const TrialRecord* const> records);
  void append(const TrialRecord& record);

  const std::filesystem::path& path() const noexcept { return path_; }
  std::string name() const { return path_.filename().string(); }
  const FinishedTrials& finished() const noexcept { return finished_; }

 private:
  RunDirectory(std::filesystem::path path, OwnColumns own);
  void drop_unfinished(Rerun rerun, bool has_sums);
  void drop_unfinished_counters() const;
  void open_tables();
  // Writes <folder>/<case>-<repetition>.<extension>.
  void write_trial_file(const TrialRecord& record, std::string_view folder,
                        std::string_view extension, std::string_view content) const;

  std::filesystem::path path_;
  OwnColumns own_;
  Fd lock_;
  Fd trials_;
  Fd intervals_;
  Fd counters_;
  FinishedTrials finished_;
};

// Returns the file name of a trial's histogram and samples, without an extension. No two trials of
// a run have the same. Has only letters, digits and "=.+-_", which every file system and archive
// takes. The name of the case is in it, with a hash behind it if it is long or has other
// characters.
std::string trial_file_stem(const std::string& case_name, std::uint64_t repetition);

// Replaces the content of `file` by `text` atomically, even across a power failure. Throws
// std::system_error that names the file.
void write_file_atomically(const std::filesystem::path& file, std::string_view text);

// Returns "did you mean DIR/latest?" if the folder has the runs of an experiment, else "".
std::string suggest_latest(const std::filesystem::path& folder);

}  // namespace pingperf
