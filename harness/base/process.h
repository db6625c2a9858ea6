// Process: the owner of one child process, and the pipes to talk to it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sockets/core/clock.h"
#include "sockets/core/fd.h"

namespace pingperf {

struct Pipe {
  Fd read;
  Fd write;
};

// Close-on-exec, and clear of the descriptors 0 to 9 that children expect things on. Throws
// std::system_error.
Pipe make_pipe();

// A copy of `fd` with the same two properties.
Fd duplicate(int fd);

// What a child finds at its descriptor `child_fd`.
struct Redirect {
  int fd;
  int child_fd;
};

// When the kernel kills a child.
enum class Lifetime {
  own,        // never
  of_parent,  // when the thread that started it is gone (PR_SET_PDEATHSIG)
};

// Owns one child process: kills it with SIGKILL and reaps it. It moves, never copies.
class Process {
 public:
  Process() = default;
  // Starts argv[0], searched in PATH, with SIGINT ignored: Ctrl-C reaches a whole foreground group,
  // and the controller decides what it means. A program that cannot be run is a child that says so
  // on its stderr and exits with 127, as in a shell. Throws std::system_error when fork(2) fails.
  Process(const std::vector<std::string>& argv, const std::vector<Redirect>& redirects,
          Lifetime lifetime);
  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
  Process& operator=(Process other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(status_, other.status_);
    return *this;
  }
  ~Process() {
    if (pid_ > 0) end();
  }

  pid_t pid() const noexcept { return pid_; }
  // Its wait status (waitpid(2)); nothing when it still runs at `deadline`.
  std::optional<int> wait_until(Nanoseconds deadline) noexcept;
  // Kills it unless it has ended, and returns its wait status.
  int end() noexcept;

 private:
  bool reap(int flags) noexcept;

  pid_t pid_ = -1;
  std::optional<int> status_;
};

// "SIGSEGV" when a wait status says that a signal ended the process.
std::optional<std::string> killing_signal(int wait_status);

}  // namespace pingperf
