#include "harness/base/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

constexpr int kUnknown = 0xff00;  // exit status 255, for a child that other code has reaped
constexpr int kFirstPrivateFd = 10;

// The rest of this namespace runs between fork(2) and execvp(3), where only async-signal-safe
// functions may be called.

void print_error(const char* program, int error) noexcept {
  const char* parts[] = {"cannot run '", program, "': ", ::strerrordesc_np(error), "\n"};
  for (const char* part : parts)
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) return;
}

[[noreturn]] void become(char* const* argv, const std::vector<Redirect>& redirects,
                         Lifetime lifetime, pid_t parent) noexcept {
  if (lifetime == Lifetime::of_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // the parent died before the call of prctl(2)
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGPIPE, SIG_DFL);
  for (const Redirect& redirect : redirects) ::dup2(redirect.fd, redirect.child_fd);
  ::execvp(argv[0], argv);
  print_error(argv[0], errno);
  ::_exit(127);
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

Process::Process(const std::vector<std::string>& argv, const std::vector<Redirect>& redirects,
                 Lifetime lifetime) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  std::fflush(nullptr);  // ThreadSanitizer's _exit(2) flushes: the child would print it again
  pid_ = check(::fork(), "fork");
  if (pid_ == 0) become(arguments.data(), redirects, lifetime, parent);
}

bool Process::reap(int flags) noexcept {
  if (status_) return true;
  int status = 0;
  pid_t ended = 0;
  do ended = ::waitpid(pid_, &status, flags);
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

std::optional<std::string> killing_signal(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return std::nullopt;
  const char* abbreviation = ::sigabbrev_np(WTERMSIG(wait_status));
  return abbreviation ? std::string("SIG") + abbreviation
                      : "signal " + std::to_string(WTERMSIG(wait_status));
}

}  // namespace pingperf
