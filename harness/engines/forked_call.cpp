#include "harness/engines/forked_call.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "harness/base/io.h"
#include "harness/base/process.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"

namespace pingperf {
namespace {

constexpr unsigned kPatience_s = 5;

// Makes the call in the child, with `out` as its stderr. Exits with 0 if the call returns.
[[noreturn]] void try_call(const std::function<void()>& call, int out) {
  std::atexit([] { ::_exit(1); });  // an exit() in the call must not run the parent's handlers
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

}  // namespace

std::optional<std::string> error_of_forked_call(const std::function<void()>& call) {
  Pipe pipe = make_pipe();
  std::fflush(nullptr);
  const pid_t child = check(::fork(), "fork");
  if (child == 0) try_call(call, pipe.write.get());
  pipe.write = Fd();
  std::string errors;
  while (read_some(pipe.read.get(), errors)) {
  }
  int status = 0;
  pid_t ended = 0;
  do ended = ::waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  check(ended, "waitpid");
  if (status == 0) return std::nullopt;
  return errors;
}

}  // namespace pingperf
