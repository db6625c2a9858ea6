// Placement: on which CPUs the measuring threads were seen.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace pingperf {

// The threads add themselves; another one looks now and then.
class Placement {
 public:
  void add_this_thread();
  // Where the calling thread is now: for those that are too short to be seen.
  void note_this_cpu();
  // Notes the CPU that each thread was on last (proc(5), /proc/PID/task/TID/stat). Of many threads
  // only the first: this must cost nothing.
  void look();
  // "0", "0 1"; empty when nothing could be seen.
  std::string text() const;

 private:
  std::mutex mutex_;
  std::vector<pid_t> threads_;  // guarded by mutex_
  std::set<int> cpus_;          // guarded by mutex_
};

}  // namespace pingperf
