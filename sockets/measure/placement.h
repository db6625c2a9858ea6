// Placement: the CPUs on which the measuring threads were seen.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace pingperf {

// Collects the CPUs of threads. Thread-safe, except for text().
class Placement {
 public:
  // Adds the calling thread to the threads that sample_cpus() examines. Ignores it after 16
  // threads, to keep sample_cpus() cheap.
  void add_this_thread();
  // Stores the CPU of the calling thread, for threads that end before sample_cpus() is called.
  void note_this_cpu();
  // Stores the CPU on which each thread last ran (proc(5), /proc/PID/task/TID/stat).
  void sample_cpus();
  // Returns the CPUs in ascending order, "0" or "0 1"; "" if none was seen.
  std::string text() const;

 private:
  std::mutex mutex_;
  std::vector<pid_t> threads_;  // guarded by mutex_
  std::set<int> cpus_;          // guarded by mutex_
};

}  // namespace pingperf
