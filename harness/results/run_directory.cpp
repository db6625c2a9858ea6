#include "harness/results/run_directory.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <sys/file.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <ctime>

#include "harness/base/csv.h"
#include "harness/base/io.h"
#include "harness/base/parse_number.h"
#include "harness/base/usage_error.h"
#include "harness/results/columns.h"
#include "harness/results/hgrm.h"
#include "harness/results/npy.h"
#include "sockets/core/error.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

Fd open_file(const fs::path& file, int flags) {
  return Fd(check(::open(file.c_str(), flags | O_CLOEXEC, 0644), file.string()));
}

void write_and_sync(int fd, std::string_view text, const fs::path& file) {
  write_all(fd, text, "write to " + file.string());
  check(::fsync(fd), "fsync of " + file.string());
}

// Appends all rows or none. After a failed write, cuts the file to its old size, so that the next
// row, which another trial may write, begins a line.
void append_rows(int fd, const std::string& rows, const fs::path& file) {
  const auto before = static_cast<off_t>(fs::file_size(file));
  try {
    write_and_sync(fd, rows, file);
  } catch (...) {
    [[maybe_unused]] const int cut = ::ftruncate(fd, before);
    throw;
  }
}

void sync_directory(const fs::path& directory) {
  const Fd fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  check(::fsync(fd.get()), "fsync of " + directory.string());
}

// Creates a directory that did not exist. Appends -2, -3, … if runs begin in the same second.
fs::path make_directory(const fs::path& parent, const std::string& stem) {
  fs::create_directories(parent);
  for (int attempt = 1; attempt < 1000; ++attempt) {
    fs::path path = parent / (attempt == 1 ? stem : fmt::format("{}-{}", stem, attempt));
    if (fs::create_directory(path)) return path;
  }
  throw std::system_error(EEXIST, std::generic_category(), (parent / stem).string());
}

// More than any plan has. Each repetition takes one bit of memory.
constexpr std::uint64_t kMaxRepetitions = 10'000'000;

// Returns the repetition, which equals the block, in a row of a table. Throws CsvError.
std::uint64_t repetition_of(const CsvTable& table, const CsvTable::Row& row,
                            const char* column = "repetition") {
  const std::string_view text = row[table.column(column)];
  const auto repetition = parse_number<std::uint64_t>(text);
  if (!repetition || *repetition > kMaxRepetitions)
    throw CsvError(fmt::format("{}: '{}' is no repetition", table.source(), text));
  return *repetition;
}

// Returns the name of the case that is the sum of a case's pairs. The pair is the last axis.
std::string sum_of(std::string_view case_name) {
  return std::string(case_name.substr(0, case_name.rfind("/pair="))) + "/pair=sum";
}

CsvTable read_table(const fs::path& file, const std::string& header) {
  CsvTable table = CsvTable::read(file);
  if (table.is_foreign())
    throw UsageError(fmt::format(
        "{}: another program saved it: a run can be resumed with the file that pingperf wrote only",
        file.string()));
  if (csv_row(table.header()) != header)
    throw UsageError(file.string() +
                     ": has the columns of another pingperf version: resume it with that one");
  return table;
}

// Returns the value of `wanted` for each row.
template <typename Predicate>
std::vector<bool> flags_of(const CsvTable& table, Predicate wanted) {
  std::vector<bool> flags;
  for (const CsvTable::Row row : table.rows()) flags.push_back(wanted(row));
  return flags;
}

// Rewrites the file with only the kept rows. Does not touch a file whose rows are all kept.
void keep_rows(const fs::path& file, const CsvTable& table, const std::vector<bool>& kept) {
  if (!table.torn() && std::ranges::find(kept, false) == kept.end()) return;
  std::string text = csv_row(table.header());
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (kept[i]) text += csv_row(table.rows()[i].fields());
  write_file_atomically(file, text);
}

}  // namespace

bool FinishedTrials::insert(std::string_view case_name, std::uint64_t repetition) {
  std::vector<bool>& finished = of_case_[std::string(case_name)];
  if (finished.size() <= repetition) finished.resize(repetition + 1);
  if (finished[repetition]) return false;
  return finished[repetition] = true;
}

bool FinishedTrials::contains(std::string_view case_name, std::uint64_t repetition) const {
  const auto found = of_case_.find(case_name);
  return found != of_case_.end() && repetition < found->second.size() && found->second[repetition];
}

RunDirectory::RunDirectory(fs::path path, OwnColumns own)
    : path_(std::move(path)), own_(std::move(own)) {
  lock_ = open_file(path_ / ".lock", O_RDWR | O_CREAT);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK) throw UsageError("another pingperf is writing to " + path_.string());
  throw std::system_error(errno, std::generic_category(), "lock of " + (path_ / ".lock").string());
}

namespace {

// Points results/<name>/latest at the run, for scripts. Does nothing if the file system has no
// symbolic links.
void point_latest_at(const fs::path& run) {
  const fs::path latest = run.parent_path() / "latest", fresh = run / ".latest";
  std::error_code error;
  fs::remove(fresh, error);  // left by a controller that was killed here
  fs::create_symlink(run.filename(), fresh, error);
  if (!error) fs::rename(fresh, latest, error);
  if (error) fs::remove(fresh, error);
}

// Removes the directory of a run that could not begin. Removes its files one by one, because
// remove_all() requires a descriptor and the process may have none left.
void remove_beginnings(const fs::path& run) {
  std::error_code ignored;
  for (const char* file : {".lock", "experiment.yaml", "environment.json", "intervals.csv",
                           "counters.csv", "trials.csv"})
    fs::remove(run / file, ignored);
  fs::remove(run, ignored);
}

}  // namespace

RunDirectory RunDirectory::create(const fs::path& results, const std::string& name,
                                  std::uint64_t seed, std::string_view experiment_yaml,
                                  std::string_view environment_json, const OwnColumns& own) {
  const std::string stem =
      fmt::format("{:%Y%m%dT%H%M%SZ}-{}", fmt::gmtime(std::time(nullptr)), seed);
  const fs::path path = make_directory(results / name, stem);
  try {
    RunDirectory run(path, own);
    write_file_atomically(path / "experiment.yaml", experiment_yaml);
    write_file_atomically(path / "environment.json", environment_json);
    write_file_atomically(path / "intervals.csv", with_label_names(intervals_header(), own));
    write_file_atomically(path / "counters.csv", with_label_names(counters_header(), own));
    write_file_atomically(path / "trials.csv", trials_header(own));
    run.open_tables();
    point_latest_at(path);
    sync_directory(results / name);
    sync_directory(results);
    return run;
  } catch (...) {
    remove_beginnings(path);
    throw;
  }
}

RunDirectory RunDirectory::resume(const fs::path& directory, Rerun rerun, bool has_sums,
                                  const OwnColumns& own) {
  for (const char* file : {"trials.csv", "intervals.csv"})
    if (!fs::exists(directory / file))
      throw UsageError(directory.string() + ": not the directory of a run: it has no " + file);
  RunDirectory run(fs::canonical(directory), own);
  run.drop_unfinished(rerun, has_sums);
  run.open_tables();
  return run;
}

void RunDirectory::update_latest_link(const std::string& name) const {
  if (path_.parent_path().filename() != name) return;
  std::error_code error;
  const fs::path latest = fs::read_symlink(path_.parent_path() / "latest", error);
  if (error || latest.filename() < path_.filename())
    point_latest_at(path_);  // names begin with a time
}

void RunDirectory::open_tables() {
  trials_ = open_file(path_ / "trials.csv", O_WRONLY | O_APPEND);
  intervals_ = open_file(path_ / "intervals.csv", O_WRONLY | O_APPEND);
  counters_ = open_file(path_ / "counters.csv", O_WRONLY | O_APPEND);
}

// The rows are dropped last: a kill before that leaves the trials as they were.
void RunDirectory::drop_unfinished(Rerun rerun, bool has_sums) {
  const CsvTable trials = read_table(path_ / "trials.csv", trials_header(own_));
  const auto is_finished = [&](const CsvTable::Row& row) {
    const std::string_view status = row[trials.column("status")];
    return rerun == Rerun::failed ? status == pingperf::name(Status::ok)
                                  : status != pingperf::name(Status::interrupted);
  };
  FinishedTrials sums;
  for (const CsvTable::Row row : trials.rows())
    if (const std::string_view case_name = row[trials.column("case")];
        case_name.ends_with("/pair=sum") && is_finished(row))
      sums.insert(case_name, repetition_of(trials, row));
  const std::vector<bool> kept = flags_of(trials, [&](const CsvTable::Row& row) {
    const std::string_view case_name = row[trials.column("case")];
    const std::uint64_t repetition = repetition_of(trials, row);
    const bool is_whole = !has_sums || sums.contains(sum_of(case_name), repetition);
    return is_whole && is_finished(row) && finished_.insert(case_name, repetition);
  });
  const CsvTable intervals =
      read_table(path_ / "intervals.csv", with_label_names(intervals_header(), own_));
  const std::vector<bool> kept_intervals = flags_of(intervals, [&](const CsvTable::Row& row) {
    return finished_.contains(row[intervals.column("case")], repetition_of(intervals, row));
  });
  keep_rows(path_ / "intervals.csv", intervals, kept_intervals);
  drop_unfinished_counters();
  keep_rows(path_ / "trials.csv", trials, kept);
}

void RunDirectory::drop_unfinished_counters() const {
  const fs::path file = path_ / "counters.csv";
  const std::string header = with_label_names(counters_header(), own_);
  if (!fs::exists(file)) return write_file_atomically(file, header);
  const CsvTable counters = read_table(file, header);
  keep_rows(file, counters, flags_of(counters, [&](const CsvTable::Row& row) {
              return finished_.contains(row[counters.column("case")],
                                        repetition_of(counters, row, "block"));
            }));
}

void RunDirectory::append(std::span<const TrialRecord* const> records) {
  std::string intervals, counters, rows;
  for (const TrialRecord* const record : records) {
    if (record->client.rtt)
      write_trial_file(*record, "histograms", "hgrm", hgrm_text(*record->client.rtt));
    if (!record->client.samples.empty())
      write_trial_file(*record, "samples", "npy", npy_bytes(record->client.samples));
    intervals += with_label_values(interval_rows(*record), own_);
    if (!record->counters.empty()) counters += with_label_values(counter_rows(*record), own_);
    rows += trial_row(*record, own_);
  }
  append_rows(intervals_.get(), intervals, path_ / "intervals.csv");
  if (!counters.empty()) append_rows(counters_.get(), counters, path_ / "counters.csv");
  append_rows(trials_.get(), rows, path_ / "trials.csv");
  for (const TrialRecord* const record : records)
    finished_.insert(record->trial_case->name, record->trial.block);
}

void RunDirectory::append(const TrialRecord& record) {
  const TrialRecord* const one = &record;
  append(std::span(&one, 1));
}

void RunDirectory::write_trial_file(const TrialRecord& record, std::string_view folder,
                                    std::string_view extension, std::string_view content) const {
  const std::string stem = trial_file_stem(record.trial_case->name, record.trial.block);
  fs::create_directories(path_ / folder);
  write_file_atomically(path_ / folder / fmt::format("{}.{}", stem, extension), content);
}

// Returns true if no other case's name becomes the same once '/' is replaced: the name is
// workload/key=value/key=value…, and only the slashes are replaced.
static bool is_plain_name(const std::string& case_name) {
  const auto is_safe = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("=.+-_/", c) != nullptr;
  };
  if (case_name.size() > 180 || !std::all_of(case_name.begin(), case_name.end(), is_safe))
    return false;
  const auto slashes = std::count(case_name.begin(), case_name.end(), '/');
  const auto first_slash = case_name.find('/');
  return std::count(case_name.begin(), case_name.end(), '=') == slashes &&
         case_name.find('=') >= first_slash;
}

std::string trial_file_stem(const std::string& case_name, std::uint64_t repetition) {
  std::string stem = case_name.substr(0, 180);
  std::replace_if(
      stem.begin(), stem.end(),
      [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) == 0 && !std::strchr("=.+-", c);
      },
      '_');
  if (is_plain_name(case_name)) return fmt::format("{}-{}", stem, repetition);
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  for (const char c : case_name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{}-{:016x}-{}", stem, hash, repetition);
}

void write_file_atomically(const fs::path& file, std::string_view text) {
  fs::path temporary = file;
  temporary += ".tmp";
  try {
    {
      const Fd fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
      write_and_sync(fd.get(), text, temporary);
    }
    fs::rename(temporary, file);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
  sync_directory(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

std::string suggest_latest(const fs::path& folder) {
  const fs::path latest = folder / "latest";
  return fs::exists(latest) ? fmt::format("did you mean {}?", latest.string()) : "";
}

}  // namespace pingperf
