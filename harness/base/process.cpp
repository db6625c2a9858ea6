#include "harness/base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <stdexcept>

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
  if (options.is_foreign) ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (options.is_foreign) {
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  } else {
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGPIPE, SIG_DFL);
  }
  for (const Redirect& redirect : options.redirects) ::dup2(redirect.fd, redirect.child_fd);
  if (options.is_foreign) close_files_from(STDERR_FILENO + 1);  // e.g. the jobserver of make
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

struct Relations {
  pid_t parent = -1;
  pid_t group = -1;
};

// Returns the relations of a process (proc(5), stat); -1 if it is gone.
Relations relations_of(const char* pid) noexcept {
  char path[64], text[512];
  std::snprintf(path, sizeof path, "/proc/%s/stat", pid);
  const Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return {};
  text[size] = '\0';
  Relations found;
  const char* const after_name = std::strrchr(text, ')');  // a name may contain blanks and ')'
  if (after_name != nullptr) std::sscanf(after_name + 1, " %*c %d %d", &found.parent, &found.group);
  return found;
}

// Returns true if `pid` is a child of this process. /proc may have the numbers of another
// namespace.
bool is_child(pid_t pid) noexcept {
  siginfo_t state;
  return ::waitid(P_PID, static_cast<id_t>(pid), &state, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// Kills a child and its process group. The kernel kills a group at once, so none of its processes
// can fork meanwhile. Reaps the child if it has ended.
void kill_child(pid_t child, pid_t group) noexcept {
  ::kill(child, SIGKILL);
  if (group > 0 && group != ::getpgrp()) ::kill(-group, SIGKILL);
  ::waitpid(child, nullptr, WNOHANG);
}

// Kills every child that `keep` does not name. Returns false if there was none.
bool kill_children_once(std::span<const pid_t> keep) noexcept {
  DIR* const processes = ::opendir("/proc");
  if (processes == nullptr) return false;
  bool found = false;
  while (const dirent* const entry = ::readdir(processes)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    const Relations relations = relations_of(entry->d_name);
    const pid_t child = std::atoi(entry->d_name);
    if (relations.parent != ::getpid() || !is_child(child)) continue;
    if (std::find(keep.begin(), keep.end(), child) != keep.end()) continue;
    kill_child(child, relations.group);
    found = true;
  }
  ::closedir(processes);
  return found;
}

}  // namespace

void close_files_from(int first) noexcept {
  if (::syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  rlimit limit{};  // a kernel before 5.9 lacks the call
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t fd = static_cast<rlim_t>(first); fd < limit.rlim_cur; ++fd)
    ::close(static_cast<int>(fd));
}

std::size_t raise_file_limit(std::size_t needed) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return SIZE_MAX;
  if (limit.rlim_cur >= needed) return limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

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

std::string own_program() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error)
    throw std::runtime_error("/proc/self/exe: " + error.message() +
                             ": pingperf requires /proc: mount -t proc proc /proc");
  return path;
}

void adopt_orphans() noexcept {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void kill_children(std::span<const pid_t> keep) noexcept {
  constexpr timespec kPause = {0, kMillisecond};
  const Nanoseconds limit = now_ns() + 2 * kSecond;
  // The children of a killed one come to this process.
  while (kill_children_once(keep) && now_ns() < limit) ::nanosleep(&kPause, nullptr);
}

std::string ending_of(int wait_status) {
  const auto signal = killing_signal(wait_status);
  return signal ? "was killed by " + *signal
                : "exited with status " + std::to_string(WEXITSTATUS(wait_status));
}

std::optional<std::string> killing_signal(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return std::nullopt;
  const char* abbreviation = ::sigabbrev_np(WTERMSIG(wait_status));
  return abbreviation ? std::string("SIG") + abbreviation
                      : "signal " + std::to_string(WTERMSIG(wait_status));
}

}  // namespace pingperf
