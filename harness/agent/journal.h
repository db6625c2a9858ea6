// Journal: what has to be undone on this host, written to disk before it is done.
//
// Each agent that changes its host has a file in /run/pingperf, which it has locked while it lives.
// A file without a lock is that of an agent that was killed: the next agent in the same network
// namespace undoes its steps. A reboot resets both the files and the kernel.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "harness/experiment/variant.h"
#include "sockets/core/fd.h"

namespace pingperf {

// How to undo one change: a file of /proc/sys gets its former content, or commands run.
struct UndoStep {
  std::string file;                    // empty: commands
  std::string content;                 // of the file
  std::vector<CommandWords> commands;  // in this order
  bool is_whole = true;                // the change was made, not only begun
};

// Returns the steps as commands for a shell.
std::vector<std::string> commands_of(const UndoStep& step);

class Journal {
 public:
  // Creates the file of this process. `claims`: nobody else may claim the same network namespace
  // meanwhile. Throws std::runtime_error if another process has claimed it, or if the file cannot
  // be written.
  explicit Journal(bool claims);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  // Removes the file if there is nothing left to undo.
  ~Journal();

  // Adds a step whose change begins now. Synced. Throws std::system_error.
  void begin(UndoStep step);
  // Notes that the change of the last step was made.
  void complete();
  // Replaces all steps. Synced.
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
};

// Calls `undo` with the journal of each process that was killed in this network namespace. Nobody
// else reads or creates journals meanwhile.
void for_each_stale_journal(const std::function<void(Journal&)>& undo);

}  // namespace pingperf
