#include "harness/agent/journal.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
          {"commands", step.commands},
          {"is_whole", step.is_whole}};
}

UndoStep step_from(const Json& object) {
  UndoStep step{take<std::string>(object, "file"),
                take<std::string>(object, "content"),
                {},
                take<bool>(object, "is_whole")};
  for (const Json& words : take_array(object, "commands"))
    step.commands.push_back(words.get<CommandWords>());
  return step;
}

// Returns the steps in the text of a journal. A line is {"begin": STEP}, {"whole": true} of the
// last step, or {"steps": [STEP, …]}, which replaces all. The last line may be torn: its change did
// not begin.
std::vector<UndoStep> steps_in(const std::string& text) {
  std::vector<UndoStep> steps;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1)
    try {
      const Json line = parse_json(text.substr(begin, end - begin));
      if (line.contains("begin")) steps.push_back(step_from(line["begin"]));
      if (line.contains("whole") && !steps.empty()) steps.back().is_whole = true;
      if (!line.contains("steps")) continue;
      steps.clear();
      for (const Json& step : line["steps"]) steps.push_back(step_from(step));
    } catch (const std::exception&) {  // not a line of ours
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

std::vector<std::string> commands_of(const UndoStep& step) {
  if (!step.file.empty())
    return {fmt::format("echo {} > {}", command_line({step.content}), step.file)};
  std::vector<std::string> lines;
  for (const CommandWords& words : step.commands) lines.push_back(command_line(words));
  return lines;
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
  steps_ = steps_in(read_file(path_).value_or(""));
}

Journal::~Journal() {
  if (steps_.empty()) ::unlink(path_.c_str());
}

void Journal::write(const std::string& text) {
  write_all(file_.get(), text, "write to " + path_.string());
  check(::fsync(file_.get()), "fsync of " + path_.string());
}

void Journal::begin(UndoStep step) {
  step.is_whole = false;
  write(json_line({{"begin", to_json(step)}}) + "\n");
  steps_.push_back(std::move(step));
}

void Journal::complete() {
  write(json_line({{"whole", true}}) + "\n");
  steps_.back().is_whole = true;
}

void Journal::replace(std::vector<UndoStep> steps) {
  steps_ = std::move(steps);
  if (steps_.empty()) {
    check(::ftruncate(file_.get(), 0), path_.string());
    return;
  }
  Json all = Json::array();
  for (const UndoStep& step : steps_) all.push_back(to_json(step));
  write(json_line({{"steps", std::move(all)}}) + "\n");
}

void for_each_stale_journal(const std::function<void(Journal&)>& undo) {
  fs::path directory;
  try {
    directory = folder();
  } catch (const std::runtime_error&) {
    return;  // this process could not have written a journal either
  }
  const Fd lock = lock_folder(directory);
  for (const fs::path& path : journals_here(directory)) {
    Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_APPEND));
    if (!file || !try_lock(file)) continue;
    Journal journal(path, std::move(file));
    undo(journal);
  }
}

}  // namespace pingperf
