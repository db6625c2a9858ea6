#include "harness/run_directory.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <ctime>

#include "harness/columns.h"
#include "harness/csv.h"
#include "harness/hgrm.h"
#include "harness/npy.h"
#include "sockets/error.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

Fd open_file(const fs::path& file, int flags) {
  return Fd(check(::open(file.c_str(), flags | O_CLOEXEC, 0644), file.string()));
}

void write_all(int fd, std::string_view text, const fs::path& file) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    check(static_cast<int>(n), "write to " + file.string());
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void sync(int fd, const fs::path& file) {
  check(::fsync(fd), "fsync of " + file.string());
}

void sync_directory(const fs::path& directory) {
  const Fd fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  sync(fd.get(), directory);
}

// A directory that did not exist before: -2, -3, … when two runs begin in one second.
fs::path make_directory(const fs::path& parent, const std::string& stem) {
  fs::create_directories(parent);
  for (int attempt = 1; attempt < 1000; ++attempt) {
    const fs::path path = parent / (attempt == 1 ? stem : fmt::format("{}-{}", stem, attempt));
    if (fs::create_directory(path)) return path;
  }
  throw std::system_error(EEXIST, std::generic_category(), (parent / stem).string());
}

std::pair<std::string, std::uint64_t> identity(const CsvTable& table,
                                               const std::vector<std::string>& row) {
  const std::string& text = row[table.column("repetition")];
  std::uint64_t repetition = 0;
  std::from_chars(text.data(), text.data() + text.size(), repetition);
  return {row[table.column("case")], repetition};
}

CsvTable read_table(const fs::path& file, const std::string& header) {
  CsvTable table = CsvTable::read(file);
  if (csv_row(table.header()) != header)
    throw UsageError(file.string() +
                     ": has the columns of another pingperf version: resume it with that one");
  return table;
}

}  // namespace

RunDirectory::RunDirectory(fs::path path) : path_(std::move(path)) {
  lock_ = open_file(path_ / ".lock", O_RDWR | O_CREAT);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK) throw UsageError("another pingperf is writing to " + path_.string());
  throw std::system_error(errno, std::generic_category(), "lock of " + (path_ / ".lock").string());
}

namespace {

// results/<name>/latest, for scripts. A file system without symbolic links does without.
void point_latest_at(const fs::path& run) {
  const fs::path latest = run.parent_path() / "latest", fresh = run / ".latest";
  std::error_code error;
  fs::create_symlink(run.filename(), fresh, error);
  if (!error) fs::rename(fresh, latest, error);
  if (error) fs::remove(fresh, error);
}

// A run that could not begin leaves no directory. One by one: remove_all() needs a descriptor,
// which may be what has run out.
void remove_beginnings(const fs::path& run) {
  std::error_code ignored;
  for (const char* file :
       {".lock", "experiment.yaml", "environment.json", "intervals.csv", "trials.csv"})
    fs::remove(run / file, ignored);
  fs::remove(run, ignored);
}

}  // namespace

RunDirectory RunDirectory::create(const fs::path& results, const std::string& name,
                                  std::uint64_t seed, std::string_view experiment_yaml,
                                  std::string_view environment_json) {
  const std::string stem =
      fmt::format("{:%Y%m%dT%H%M%SZ}-{}", fmt::gmtime(std::time(nullptr)), seed);
  const fs::path path = make_directory(results / name, stem);
  try {
    RunDirectory run(path);
    write_file_atomically(path / "experiment.yaml", experiment_yaml);
    write_file_atomically(path / "environment.json", environment_json);
    write_file_atomically(path / "intervals.csv", intervals_header());
    write_file_atomically(path / "trials.csv", trials_header());
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

RunDirectory RunDirectory::resume(const fs::path& directory) {
  if (!fs::exists(directory / "trials.csv"))
    throw UsageError(directory.string() + ": not the directory of a run: it has no trials.csv");
  RunDirectory run(fs::canonical(directory));
  run.drop_unfinished();
  run.open_tables();
  return run;
}

void RunDirectory::open_tables() {
  trials_ = open_file(path_ / "trials.csv", O_WRONLY | O_APPEND);
  intervals_ = open_file(path_ / "intervals.csv", O_WRONLY | O_APPEND);
}

void RunDirectory::drop_unfinished() {
  const CsvTable trials = read_table(path_ / "trials.csv", trials_header());
  std::string kept = trials_header();
  for (const auto& row : trials.rows()) {
    if (row[trials.column("status")] == pingperf::name(Status::interrupted)) continue;
    if (finished_.insert(identity(trials, row)).second) kept += csv_row(row);
  }
  const CsvTable intervals = read_table(path_ / "intervals.csv", intervals_header());
  std::string kept_intervals = intervals_header();
  for (const auto& row : intervals.rows())
    if (finished_.contains(identity(intervals, row))) kept_intervals += csv_row(row);
  write_file_atomically(path_ / "intervals.csv", kept_intervals);
  write_file_atomically(path_ / "trials.csv", kept);
}

void RunDirectory::append(const TrialRecord& record) {
  if (record.client.rtt.count() > 0)
    write_trial_file(record, "histograms", "hgrm", hgrm_text(record.client.rtt));
  if (!record.client.samples.empty())
    write_trial_file(record, "samples", "npy", npy_bytes(record.client.samples));
  const std::string intervals = interval_rows(record);
  write_all(intervals_.get(), intervals, path_ / "intervals.csv");
  sync(intervals_.get(), path_ / "intervals.csv");
  write_all(trials_.get(), trial_row(record), path_ / "trials.csv");
  sync(trials_.get(), path_ / "trials.csv");
  finished_.insert({record.trial_case->name, record.trial.block});
}

void RunDirectory::write_trial_file(const TrialRecord& record, std::string_view folder,
                                    std::string_view extension, std::string_view content) const {
  // The case's name, less what is awkward in a file's name.
  std::string stem = record.trial_case->name.substr(0, 200);
  std::replace_if(
      stem.begin(), stem.end(),
      [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) == 0 && !std::strchr("=.+-:", c);
      },
      '_');
  fs::create_directories(path_ / folder);
  write_file_atomically(
      path_ / folder / fmt::format("{}-{}.{}", stem, record.trial.block, extension), content);
}

void write_file_atomically(const fs::path& file, std::string_view text) {
  fs::path temporary = file;
  temporary += ".tmp";
  try {
    {
      const Fd fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
      write_all(fd.get(), text, temporary);
      sync(fd.get(), temporary);
    }
    fs::rename(temporary, file);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
  sync_directory(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

}  // namespace pingperf
