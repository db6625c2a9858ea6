#include "harness/results/run_set.h"

#include <fmt/core.h>
#include <glob.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "harness/base/name_parts.h"
#include "harness/base/parse_number.h"
#include "harness/base/usage_error.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

// Returns true if `text` has the form, in which each 0 stands for a digit.
bool has_form(std::string_view text, std::string_view form) {
  return std::ranges::equal(text, form, [](char c, char expected) {
    return expected == '0' ? c >= '0' && c <= '9' : c == expected;
  });
}

// Returns the trials.csv of the run, or of each run in the folder, that `path` names.
std::vector<fs::path> trials_files(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return {path};
  if (fs::exists(path / "trials.csv", error)) return {path / "trials.csv"};
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error))
    if (!entry->is_symlink() && fs::exists(entry->path() / "trials.csv"))
      files.push_back(entry->path() / "trials.csv");
  std::sort(files.begin(), files.end());
  return files;
}

// Returns the paths that match a glob.
std::vector<fs::path> matches_of(const std::string& pattern) {
  glob_t found{};
  std::vector<fs::path> matches;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
    matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return matches;
}

struct StoredRun {
  fs::path file;       // the trials
  fs::path directory;  // canonical; empty when only its trials are known
};

// Adds the run. Returns false if the set already has it.
bool add_run(std::vector<StoredRun>& runs, const fs::path& file) {
  const bool is_run = file.filename() == "trials.csv";
  const fs::path directory = is_run ? fs::canonical(file).parent_path() : fs::path();
  const auto is_same = [&](const StoredRun& run) { return run.directory == directory; };
  if (is_run && std::any_of(runs.begin(), runs.end(), is_same)) return false;
  runs.push_back({file, directory});
  return true;
}

// Adds the runs that a glob matches. A run that matches twice, for example by its link `latest`,
// counts once.
void add_matches(std::vector<StoredRun>& runs, const std::string& pattern) {
  const std::size_t before = runs.size();
  for (const fs::path& match : matches_of(pattern)) {
    std::error_code error;
    if (fs::is_regular_file(match, error) && match.extension() != ".csv") continue;
    for (const fs::path& file : trials_files(match)) add_run(runs, file);
  }
  if (runs.size() == before)
    throw UsageError(fmt::format("{}: no such file or directory, and no run matches it", pattern));
}

std::vector<StoredRun> find_runs(const std::vector<std::string>& paths) {
  std::vector<StoredRun> runs;
  for (const std::string& path : paths) {
    std::error_code error;
    const bool exists = fs::exists(path, error);
    if (!exists && path.find_first_of("*?[") != std::string::npos) {
      add_matches(runs, path);
      continue;
    }
    const std::vector<fs::path> files = trials_files(path);
    if (files.empty())
      throw UsageError(fmt::format(
          "{}: {}", path,
          exists  ? "holds no run: name the directory of one (with its trials.csv), or one of runs"
          : error ? error.message()
                  : "no such file or directory"));
    for (const fs::path& file : files)
      if (!add_run(runs, file))
        throw UsageError(
            fmt::format("{}: is named twice", fs::canonical(file).parent_path().string()));
  }
  return runs;
}

TrialTable read_trials(const fs::path& file) try {
  return TrialTable::read(file);
} catch (const CsvError& e) {
  throw UsageError(e.what());
}

// Returns the start in the name of a run's directory: "2026-11-28T16:10:02". Returns "" if there is
// none.
std::string start_in_name(const fs::path& directory) {
  const std::string name = directory.filename();
  if (!has_form(name.substr(0, 16), "00000000T000000Z")) return "";
  return fmt::format("{}-{}-{}T{}:{}:{}", name.substr(0, 4), name.substr(4, 2), name.substr(6, 2),
                     name.substr(9, 2), name.substr(11, 2), name.substr(13, 2));
}

// Returns the start of the first trial. Returns "" if it has none.
std::string start_of_first(const TrialTable& trials) {
  if (trials.rows().empty()) return "";
  const std::string_view start = trials.text(trials.rows().front(), "started_at").substr(0, 19);
  return has_form(start, "0000-00-00T00:00:00") ? std::string(start) : "";
}

// Returns the start of a run. Returns "" if the run has no trial.
std::string start_of(const StoredRun& run) {
  if (std::string start = start_in_name(run.directory); !start.empty()) return start;
  const TrialTable trials = read_trials(run.file);
  if (std::string start = start_of_first(trials); !start.empty() || trials.rows().empty())
    return start;
  throw UsageError(fmt::format("{}: has no started_at, so the run cannot be selected by its start",
                               run.file.string()));
}

// Compares only the given part of the times, so that "2026-11-28" includes the whole day.
bool is_within(const std::string& start, const RunSelection& selection) {
  return start >= selection.since &&
         (selection.until.empty() || start.substr(0, selection.until.size()) <= selection.until);
}

// Returns the error for a selection that leaves none of the named runs.
std::string nothing_left(const std::string& side,
                         const std::vector<std::pair<std::string, StoredRun>>& named,
                         std::size_t in_others) {
  std::string text = fmt::format("{}: no run is left of {} with trials", side, named.size());
  if (named.size() == 1) text += fmt::format(", started at {}", named.front().first);
  if (named.size() > 1)
    text += fmt::format(", started from {} to {}", named.front().first, named.back().first);
  if (in_others > 0) text += fmt::format("; {} of them are on the other side too", in_others);
  return text;
}

}  // namespace

bool is_moment(std::string_view text) {
  if (!has_form(text, "0000-00-00") && !has_form(text, "0000-00-00T00:00")) return false;
  const auto number = [&](std::size_t at, std::size_t size) {
    return *parse_number<unsigned>(text.substr(at, size));
  };
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(number(0, 4))),
                                        std::chrono::month(number(5, 2)),
                                        std::chrono::day(number(8, 2)));
  return day.ok() && (text.size() == 10 || (number(11, 2) < 24 && number(14, 2) < 60));
}

Case case_named(const std::string& name) {
  const std::vector<std::string> parts = name_parts(name);
  Case c;
  c.name = name;
  c.workload = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find('=');  // every part behind the first has one
    c.axes.emplace_back(parts[i].substr(0, equals), parts[i].substr(equals + 1));
  }
  return c;
}

RunSet RunSet::read(const std::vector<std::string>& paths) {
  RunSet set;
  for (const StoredRun& run : find_runs(paths))
    set.runs_.push_back({run.directory, read_trials(run.file)});
  return set;
}

RunSet RunSet::read(const std::vector<std::string>& paths, const RunSelection& selection,
                    const RunSet& others) {
  std::vector<std::pair<std::string, StoredRun>> named;
  for (const StoredRun& run : find_runs(paths))
    if (std::string start = start_of(run); !start.empty()) named.emplace_back(start, run);
  std::stable_sort(named.begin(), named.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  RunSet set;
  std::size_t in_others = 0;
  for (auto entry = named.rbegin(); entry != named.rend(); ++entry) {  // the newest first
    const auto& [start, run] = *entry;
    if (set.runs_.size() == selection.last) break;
    if (!is_within(start, selection)) continue;
    if (!run.directory.empty() && others.holds(run.directory)) {
      ++in_others;
      continue;
    }
    TrialTable trials = read_trials(run.file);
    if (!trials.rows().empty()) set.runs_.push_back({run.directory, std::move(trials)});
  }
  std::reverse(set.runs_.begin(), set.runs_.end());
  if (set.runs_.empty()) throw UsageError(nothing_left(selection.side, named, in_others));
  return set;
}

void RunSet::sort_by_start() {
  std::vector<std::pair<std::string, Run>> runs;
  for (Run& run : runs_) {
    std::string start = start_in_name(run.directory);
    if (start.empty()) start = start_of_first(run.trials);
    runs.emplace_back(std::move(start), std::move(run));
  }
  std::ranges::stable_sort(runs, {}, &std::pair<std::string, Run>::first);
  runs_.clear();
  for (auto& [start, run] : runs) runs_.push_back(std::move(run));
}

RunSet RunSet::of(TrialTable trials) {
  RunSet set;
  set.runs_.push_back({{}, std::move(trials)});
  return set;
}

std::vector<Case> RunSet::cases() const {
  std::vector<Case> cases;
  std::set<std::string> names;
  for (const Run& run : runs_)
    for (const std::string& name : run.trials.cases())
      if (names.insert(name).second) {
        Case& c = cases.emplace_back(case_named(name));
        const TrialTable::Row& row = run.trials.rows()[run.trials.rows_of(name).front()];
        c.options.edit().kind = kind_from(run.trials.text(row, "kind")).value_or(c.options->kind);
      }
  return cases;
}

bool RunSet::holds(const fs::path& directory) const {
  return std::any_of(runs_.begin(), runs_.end(),
                     [&](const Run& run) { return run.directory == directory; });
}

void RunSet::remove_runs_in(const RunSet& others) {
  const auto is_theirs = [&](const Run& run) {
    return !run.directory.empty() && others.holds(run.directory);
  };
  if (!std::all_of(runs_.begin(), runs_.end(), is_theirs)) std::erase_if(runs_, is_theirs);
}

}  // namespace pingperf
