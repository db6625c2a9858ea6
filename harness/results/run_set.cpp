#include "harness/results/run_set.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "harness/base/usage_error.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

// The trials.csv of the run, or of each run in the folder, that `path` names; none: it is neither.
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

// "bulk/engine=iperf3/streams=4" taken apart.
Case case_named(const std::string& name) {
  Case c;
  c.name = name;
  std::size_t end = name.find('/');
  c.workload = name.substr(0, end);
  while (end != std::string::npos) {
    const std::size_t begin = end + 1;
    end = name.find('/', begin);
    const std::string part = name.substr(begin, end - begin);
    const std::size_t equals = part.find('=');
    c.axes.emplace_back(part.substr(0, equals),
                        equals == std::string::npos ? "" : part.substr(equals + 1));
  }
  return c;
}

}  // namespace

RunSet RunSet::read(const std::vector<std::string>& paths) {
  RunSet set;
  for (const std::string& path : paths) {
    const std::vector<fs::path> files = trials_files(path);
    std::error_code error;
    if (files.empty())
      throw UsageError(fmt::format(
          "{}: {}", path,
          fs::exists(path, error)
              ? "holds no run: name the directory of one (with its trials.csv), or one of runs"
              : "no such file or directory"));
    for (const fs::path& file : files) {
      const bool is_run = file.filename() == "trials.csv";
      const fs::path directory = is_run ? fs::canonical(file).parent_path() : fs::path();
      if (is_run && set.holds(directory))
        throw UsageError(fmt::format("{}: is named twice", directory.string()));
      try {
        set.runs_.push_back({directory, TrialTable::read(file)});
      } catch (const CsvError& e) {
        throw UsageError(e.what());
      }
    }
  }
  return set;
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
      if (names.insert(name).second) cases.push_back(case_named(name));
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
