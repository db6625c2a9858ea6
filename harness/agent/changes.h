// Changes of the system that a variant makes, and their undoing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/agent/journal.h"
#include "harness/experiment/variant.h"

namespace pingperf {

// Owns the changes of this host. Undoes them at its end.
class Changes {
 public:
  Changes() = default;
  ~Changes();

  // Makes sure that no other run changes this network namespace. Throws std::runtime_error.
  void claim();

  // Makes the changes, each after its undoing is in the journal. `addresses` are those of the data.
  // If a change fails, undoes those before it and throws std::runtime_error. There must be none.
  void make(const SystemChanges& changes, const std::vector<std::string>& addresses);

  // Undoes all changes, the last one first. Returns the commands that failed, each with its error:
  // the journal keeps them.
  std::vector<std::string> undo();

  // Returns the control groups of the workers, as folders with a file cgroup.procs.
  const std::vector<std::string>& groups() const noexcept { return groups_; }

 private:
  Journal& journal();
  void set_sysctl(const SystemChanges::Sysctl& sysctl);
  void set_link(const SystemChanges& changes, const std::vector<std::string>& addresses);
  void run_setup(const SystemChanges& changes);
  void make_groups(const SystemChanges& changes);

  std::optional<Journal> journal_;
  bool has_claimed_ = false;
  std::vector<std::string> groups_;
};

// Undoes the changes of agents that were killed in this network namespace.
struct Recovery {
  std::vector<std::string> undone;      // commands
  std::vector<std::string> not_undone;  // commands that failed, with the error
};
Recovery undo_stale_changes(
    const std::vector<std::unique_ptr<Journal>>& journals = stale_journals());

// Returns why this host cannot make the changes. Each text begins with a location in the file.
std::vector<std::string> problems_of(const SystemChanges& changes);

// Returns the file of a sysctl: /proc/sys/net/ipv4/tcp_rmem. Names may have dots or slashes, as in
// sysctl(8).
std::string sysctl_file(std::string_view name);

}  // namespace pingperf
