// Child processes, and pipes that connect to them.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
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

// Returns the path of this program. Throws std::runtime_error without /proc, where only the kernel
// has it.
std::string own_program();

// Returns a close-on-exec pipe whose descriptors are above 9, because children use fixed
// descriptors from 0 to 9. Throws std::system_error.
Pipe make_pipe();

// Returns a close-on-exec copy of `fd` whose number is above 9. Throws std::system_error.
Fd duplicate(int fd);

// Makes `fd` the descriptor `child_fd` of a child.
struct Redirect {
  int fd;
  int child_fd;
};

// Raises the limit of this process's descriptors to the maximum that it may have, if it is below
// `needed`. Returns the limit. Children inherit it.
std::size_t raise_file_limit(std::size_t needed = SIZE_MAX) noexcept;

// Closes every descriptor from `first` on. Async-signal-safe.
void close_files_from(int first) noexcept;

// Determines when the kernel kills a child.
enum class Lifetime {
  own,        // never
  of_parent,  // when the thread that started it is gone (PR_SET_PDEATHSIG)
};

// How a child starts.
struct ChildOptions {
  std::vector<Redirect> redirects;
  Lifetime lifetime = Lifetime::of_parent;
  // A program of the user: it gets a session and a process group of its own without a terminal,
  // signals with their usual effect, and only the files of `redirects`.
  bool is_foreign = false;
  std::string directory = {};  // empty: that of this process
  // Added to that of this process.
  std::vector<std::pair<std::string, std::string>> environment = {};
};

// Owns one child process: kills it with SIGKILL and reaps it. It moves, never copies.
class Process {
 public:
  Process() = default;
  // Starts argv[0], searched in PATH. A child in our group ignores SIGINT: Ctrl-C reaches the whole
  // foreground group, and the controller decides what it means. If the program cannot be run, the
  // child prints an error to its stderr and exits with 127, as in a shell. Throws std::system_error
  // when fork(2) fails.
  Process(const std::vector<std::string>& argv, const ChildOptions& options);
  Process(const std::vector<std::string>& argv, const std::vector<Redirect>& redirects,
          Lifetime lifetime)
      : Process(argv, ChildOptions{redirects, lifetime}) {}
  Process(Process&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), status_(other.status_), usage_(other.usage_) {}
  Process& operator=(Process other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(status_, other.status_);
    std::swap(usage_, other.usage_);
    return *this;
  }
  ~Process() {
    if (pid_ > 0) end();
  }

  pid_t pid() const noexcept { return pid_; }
  // Returns its wait status (waitpid(2)), or nothing if it still runs at `deadline`.
  std::optional<int> wait_until(Nanoseconds deadline) noexcept;
  // Kills it unless it has ended. Returns its wait status.
  int end() noexcept;
  // Returns the resources that the process and its descendants have used (wait4(2)), or zeros while
  // the process runs.
  const rusage& usage() const noexcept { return usage_; }

 private:
  bool reap(int flags) noexcept;

  pid_t pid_ = -1;
  std::optional<int> status_;
  rusage usage_{};
};

// Makes this process the parent of descendants whose parent has ended (PR_SET_CHILD_SUBREAPER).
void adopt_orphans() noexcept;

// Kills and reaps every child of this process that `keep` does not name, their process groups, and
// the descendants that it adopts meanwhile. Gives up after two seconds: a process in an
// uninterruptible call stays.
void kill_children(std::span<const pid_t> keep = {}) noexcept;

// Returns "was killed by SIGSEGV" or "exited with status 1".
std::string ending_of(int wait_status);

// Returns "SIGSEGV" if that signal ended the process; nothing if it exited.
std::optional<std::string> killing_signal(int wait_status);

}  // namespace pingperf
