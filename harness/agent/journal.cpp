#include "harness/agent/journal.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "harness/agent/host_facts.h"
#include "harness/base/io.h"
#include "harness/base/json_fields.h"
#include "harness/base/lines.h"
#include "sockets/core/error.h"
#include "sockets/transport/token.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

// Returns the folder of the journals. Creates it. Throws std::runtime_error if it is not ours.
fs::path folder() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  const fs::path path = ::geteuid() == 0 ? fs::path("/run/pingperf")
                        : runtime && *runtime
                            ? fs::path(runtime) / "pingperf"
                            : fs::path(fmt::format("/tmp/pingperf-{}", ::geteuid()));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    throw std::system_error(errno, std::generic_category(), "create " + path.string());
  struct stat status {};
  check(::lstat(path.c_str(), &status), path.string());
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid())
    throw std::runtime_error(path.string() + " belongs to somebody else");
  return path;
}

// Holds the lock of the folder.
Fd lock_folder(const fs::path& path) {
  Fd fd(check(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path.string()));
  while (::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), path.string());
  return fd;
}

bool try_lock(const Fd& file) {
  return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

// The beginning of the names of this network namespace's journals.
std::string prefix() {
  return network_namespace() + "-";
}

std::vector<fs::path> journals_here(const fs::path& directory) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error))
    if (entry.path().filename().string().starts_with(prefix())) paths.push_back(entry.path());
  return paths;
}

Json to_json(const UndoStep& step) {
  return {{"file", step.file},
          {"content", step.content},
          {"command", step.command},
          {"is_certain", step.is_certain}};
}

Json to_json(const std::vector<UndoStep>& steps) {
  Json all = Json::array();
  for (const UndoStep& step : steps) all.push_back(to_json(step));
  return all;
}

void append_steps(const Json& list, std::vector<UndoStep>& steps) {
  for (const Json& step : list)
    steps.push_back({take<std::string>(step, "file"), take<std::string>(step, "content"),
                     take_array(step, "command").get<Arguments>(), take<bool>(step, "is_certain")});
}

void set_certain(std::vector<UndoStep>& steps, std::size_t last, bool is_certain) {
  for (std::size_t i = steps.size() - std::min(last, steps.size()); i < steps.size(); ++i)
    steps[i].is_certain = is_certain;
}

// Returns the steps in the text of a journal. Each line is an object with one of these members:
// "begin", steps; "complete", the number of steps at the end whose change was made; "undoing", of
// the last step; "steps", which replaces all. A torn line is skipped: what it announces has not
// begun.
std::vector<UndoStep> steps_in(const std::string& text) {
  std::vector<UndoStep> steps;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1)
    try {
      const Json line = parse_json(text.substr(begin, end - begin));
      if (line.contains("begin")) append_steps(line["begin"], steps);
      if (line.contains("complete")) set_certain(steps, line["complete"], true);
      if (line.contains("undoing")) set_certain(steps, 1, false);
      if (!line.contains("steps")) continue;
      steps.clear();
      append_steps(line["steps"], steps);
    } catch (const std::exception&) {  // torn
    }
  return steps;
}

// Throws if a living process has claimed this network namespace.
void refuse_second_claim(const fs::path& directory) {
  for (const fs::path& path : journals_here(directory)) {
    if (path.filename().string().find("-claim-") == std::string::npos) continue;
    const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (file && !try_lock(file))
      throw std::runtime_error(
          fmt::format("another run (agent {}) changes this system: wait for its end",
                      path.extension().string().substr(1)));
  }
}

}  // namespace

std::string command_of(const UndoStep& step) {
  if (step.file.empty()) return command_line(step.command);
  std::string value = step.content;  // the kernel prints tabs, and reads blanks as well
  std::ranges::replace(value, '\t', ' ');
  return fmt::format("echo {} > {}", command_line({value}), step.file);
}

Journal::Journal(bool claims) {
  const fs::path directory = folder();
  const Fd lock = lock_folder(directory);
  if (claims) refuse_second_claim(directory);
  path_ = directory / fmt::format("{}{}-{}.{}", prefix(), claims ? "claim" : "own",
                                  to_hex(mint_token()).substr(0, 8), ::getpid());
  file_ = Fd(check(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0600),
                   path_.string()));
  try_lock(file_);
}

Journal::Journal(fs::path path, Fd file) : path_(std::move(path)), file_(std::move(file)) {
  const std::string text = read_file(path_).value_or("");
  steps_ = steps_in(text);
  if (!text.empty() && text.back() != '\n') write("\n");  // after a torn line
}

Journal::~Journal() {
  if (steps_.empty()) ::unlink(path_.c_str());
}

void Journal::write(const std::string& text) {
  write_all(file_.get(), text, "write to " + path_.string());
  check(::fsync(file_.get()), "fsync of " + path_.string());
}

void Journal::begin(std::vector<UndoStep> steps) {
  for (UndoStep& step : steps) step.is_certain = false;
  write(json_line({{"begin", to_json(steps)}}) + "\n");
  begun_ = steps.size();
  steps_.insert(steps_.end(), steps.begin(), steps.end());
}

void Journal::complete() {
  write(json_line({{"complete", begun_}}) + "\n");
  set_certain(steps_, begun_, true);
}

void Journal::begin_undo() {
  write(json_line({{"undoing", true}}) + "\n");
}

void Journal::replace(std::vector<UndoStep> steps) {
  steps_ = std::move(steps);
  if (steps_.empty())
    check(::ftruncate(file_.get(), 0), path_.string());
  else
    write(json_line({{"steps", to_json(steps_)}}) + "\n");
}

std::vector<std::unique_ptr<Journal>> stale_journals() {
  std::vector<std::unique_ptr<Journal>> journals;
  try {
    const fs::path directory = folder();
    const Fd lock = lock_folder(directory);
    for (const fs::path& path : journals_here(directory)) {
      Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_APPEND));
      if (file && try_lock(file))
        journals.push_back(std::make_unique<Journal>(path, std::move(file)));
    }
  } catch (const std::runtime_error&) {  // this process could not have written a journal either
  }
  return journals;
}

}  // namespace pingperf
