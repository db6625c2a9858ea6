// Journal: what has to be undone on this host, written to disk before it is done.
//
// Each agent that changes its host has a file in /run/pingperf (for users who are not root in
// $XDG_RUNTIME_DIR/pingperf or /tmp/pingperf-UID), which it has locked while it lives. A file
// without a lock is that of an agent that was killed: the next agent in the same network namespace
// undoes its steps.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/experiment/variant.h"
#include "sockets/core/fd.h"

namespace pingperf {

// How to undo one change: a file of /proc/sys gets its former content, or a command runs.
struct UndoStep {
  std::string file;     // empty: a command
  std::string content;  // of the file
  Arguments command;    // empty: a file
  // True if the change was made and its undoing has not begun. Otherwise the undoing may fail,
  // because there may be nothing to undo.
  bool is_certain = true;
};

// Returns the step as a command for a shell.
std::string command_of(const UndoStep& step);

class Journal {
 public:
  // Creates the file of this process. `claims`: no other process may claim this network namespace
  // while the journal exists. Throws std::runtime_error if another process has claimed it, or if
  // the file cannot be written.
  explicit Journal(bool claims);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  // Removes the file if there is nothing left to undo.
  ~Journal();

  // Adds the steps of a change that begins now. Synced, as the functions below. Throws
  // std::system_error.
  void begin(std::vector<UndoStep> steps);
  // Notes that the change of the last begin() was made.
  void complete();
  // Notes that the last step is being undone.
  void begin_undo();
  // Replaces all steps.
  void replace(std::vector<UndoStep> steps);

  const std::vector<UndoStep>& steps() const noexcept { return steps_; }
  const std::filesystem::path& path() const noexcept { return path_; }

  // The journal of a process that was killed in this network namespace. It is locked.
  Journal(std::filesystem::path path, Fd file);

 private:
  void write(const std::string& text);

  std::filesystem::path path_;
  Fd file_;
  std::vector<UndoStep> steps_;
  std::size_t begun_ = 0;  // number of steps of the last begin()
};

// Returns the journals of the processes that were killed in this network namespace, each locked.
std::vector<std::unique_ptr<Journal>> stale_journals();

}  // namespace pingperf
