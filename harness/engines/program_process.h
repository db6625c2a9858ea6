// The running command of a program.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/lines.h"
#include "harness/base/process.h"
#include "harness/engines/program.h"

namespace pingperf {

// Owns the process of one end, in a process group of its own, with its output. Destroying it kills
// the group. A descendant that left the group is killed by the process that adopts it
// (kill_children()).
class ProgramProcess {
 public:
  // Starts the command. `on_output` gets the bytes of stdout, and `on_error` those of stderr.
  // Throws std::system_error.
  ProgramProcess(const ProgramEnd& end, const std::vector<std::string>& arguments,
                 std::vector<std::pair<std::string, std::string>> environment,
                 std::function<void(std::string_view)> on_output,
                 std::function<void(std::string_view)> on_error);
  ~ProgramProcess() { end(); }
  ProgramProcess(const ProgramProcess&) = delete;
  ProgramProcess& operator=(const ProgramProcess&) = delete;

  // Reads output until `deadline`, until `wake` is readable (-1: none), or until the command has
  // ended; once at least. Returns its wait status if it has ended: its whole output has been read.
  std::optional<int> pump(Nanoseconds deadline, int wake);

  // Sends a signal to the process group.
  void signal(int number) noexcept;

  // Kills the process group, once. Returns the wait status of the command.
  int end() noexcept;

  const rusage& usage() const noexcept { return process_.usage(); }
  std::string last_error() const { return errors_.last_line(); }

 private:
  // Reads once from stdout or stderr. Returns the number of bytes.
  std::size_t read_output();
  std::size_t read_errors();

  std::function<void(std::string_view)> on_output_;
  std::function<void(std::string_view)> on_error_;
  Process process_;
  bool has_ended_ = false;  // another group may have the number by now
  Fd pidfd_;  // readable once the process has ended; empty: the kernel has none (before 5.3)
  Fd output_;
  Fd error_output_;
  Tail errors_;
};

}  // namespace pingperf
