#include "harness/base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

constexpr int kUnknown = 0xff00;  // exit status 255, for a child that other code has reaped
constexpr int kFirstPrivateFd = 10;

// The rest of this namespace runs between fork(2) and execvp(3), where only async-signal-safe
// functions may be called.

void print_error(const char* what, const char* name, int error) noexcept {
  const char* parts[] = {what, " '", name, "': ", ::strerrordesc_np(error), "\n"};
  for (const char* part : parts)
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) return;
}

[[noreturn]] void become(char* const* argv, char* const* environment, const ChildOptions& options,
                         pid_t parent) noexcept {
  if (options.lifetime == Lifetime::of_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // the parent died before the call of prctl(2)
  }
  if (options.own_group) ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGINT, options.own_group ? SIG_DFL : SIG_IGN);
  ::signal(SIGPIPE, SIG_DFL);
  for (const Redirect& redirect : options.redirects) ::dup2(redirect.fd, redirect.child_fd);
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
    print_error("cannot enter the directory", options.directory.c_str(), errno);
    ::_exit(127);
  }
  ::execvpe(argv[0], argv, environment);
  print_error("cannot run", argv[0], errno);
  ::_exit(127);
}

// End of the async-signal-safe functions.

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Returns this process's environment with `added`, as NAME=VALUE.
std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> all;
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool is_replaced = std::any_of(added.begin(), added.end(), [&](const auto& variable) {
      return text.substr(0, text.find('=')) == variable.first;
    });
    if (!is_replaced) all.emplace_back(text);
  }
  return all;
}

// Returns the parent of a process (proc(5), stat); -1 if it is gone.
pid_t parent_of(const char* pid) noexcept {
  char path[64], text[512];
  std::snprintf(path, sizeof path, "/proc/%s/stat", pid);
  const Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return -1;
  text[size] = '\0';
  int parent = -1;
  const char* const after_name = std::strrchr(text, ')');  // a name may contain blanks and ')'
  if (after_name == nullptr || std::sscanf(after_name + 1, " %*c %d", &parent) != 1) return -1;
  return parent;
}

std::vector<pid_t> children() {
  std::vector<pid_t> found;
  DIR* const processes = ::opendir("/proc");
  if (processes == nullptr) return found;
  while (const dirent* const entry = ::readdir(processes))
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
        parent_of(entry->d_name) == ::getpid())
      found.push_back(std::atoi(entry->d_name));
  ::closedir(processes);
  return found;
}

}  // namespace

Fd duplicate(int fd) {
  return Fd(check(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstPrivateFd), "duplicate a descriptor"));
}

Pipe make_pipe() {
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC), "pipe");
  const Fd read(ends[0]), write(ends[1]);
  return {duplicate(read.get()), duplicate(write.get())};
}

Process::Process(const std::vector<std::string>& argv, const ChildOptions& options) {
  const std::vector<char*> arguments = pointers_to(argv);
  const std::vector<std::string> variables = environment_with(options.environment);
  const std::vector<char*> environment = pointers_to(variables);
  const pid_t parent = ::getpid();
  std::fflush(nullptr);  // ThreadSanitizer's _exit(2) flushes: the child would print it again
  pid_ = check(::fork(), "fork");
  if (pid_ == 0) become(arguments.data(), environment.data(), options, parent);
  if (options.own_group) ::setpgid(pid_, pid_);  // the child does it too: nobody has to wait for it
}

bool Process::reap(int flags) noexcept {
  if (status_) return true;
  int status = 0;
  pid_t ended = 0;
  do ended = ::wait4(pid_, &status, flags, &usage_);
  while (ended < 0 && errno == EINTR);
  if (ended != 0) status_ = ended > 0 ? status : kUnknown;
  return status_.has_value();
}

std::optional<int> Process::wait_until(Nanoseconds deadline) noexcept {
  constexpr timespec kPause = {0, kMillisecond};
  while (!reap(WNOHANG) && now_ns() < deadline) ::nanosleep(&kPause, nullptr);
  return status_;
}

int Process::end() noexcept {
  if (!reap(WNOHANG)) {
    ::kill(pid_, SIGKILL);
    reap(0);
  }
  return *status_;
}

void adopt_orphans() noexcept {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void kill_children(std::span<const pid_t> keep) noexcept {
  constexpr timespec kPause = {0, kMillisecond};
  const Nanoseconds limit = now_ns() + 2 * kSecond;
  for (bool all_gone = false; !all_gone && now_ns() < limit;) {
    all_gone = true;
    for (const pid_t child : children()) {
      if (std::find(keep.begin(), keep.end(), child) != keep.end()) continue;
      all_gone = false;  // its own children come to this process
      ::kill(child, SIGKILL);
      if (::waitpid(child, nullptr, WNOHANG) == 0) ::nanosleep(&kPause, nullptr);
    }
  }
}

std::optional<std::string> killing_signal(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return std::nullopt;
  const char* abbreviation = ::sigabbrev_np(WTERMSIG(wait_status));
  return abbreviation ? std::string("SIG") + abbreviation
                      : "signal " + std::to_string(WTERMSIG(wait_status));
}

}  // namespace pingperf
