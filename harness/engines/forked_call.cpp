#include "harness/engines/forked_call.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "harness/base/process.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"

namespace pingperf {
namespace {

constexpr unsigned kPatience_s = 5;

// The child: makes the call, with `out` as its stderr, and ends with 0 when it returns.
[[noreturn]] void try_call(const std::function<void()>& call, int out) {
  std::atexit([] { ::_exit(1); });  // of an exit() in the call: the other handlers are the parent's
  ::signal(SIGALRM, SIG_DFL);
  ::alarm(kPatience_s);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(null.get(), STDIN_FILENO);
  ::dup2(null.get(), STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  try {
    call();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    ::_exit(1);
  }
  ::_exit(0);
}

// All that comes from `fd` until its other end is closed.
std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) != 0;) {
    if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
    if (n < 0 && errno != EINTR) break;
  }
  return text;
}

}  // namespace

std::optional<std::string> error_of_forked_call(const std::function<void()>& call) {
  Pipe pipe = make_pipe();
  std::fflush(nullptr);
  const pid_t child = check(::fork(), "fork");
  if (child == 0) try_call(call, pipe.write.get());
  pipe.write = Fd();
  std::string said = read_all(pipe.read.get());
  int status = 0;
  pid_t ended = 0;
  do ended = ::waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  check(ended, "waitpid");
  if (status == 0) return std::nullopt;
  return said;
}

}  // namespace pingperf
