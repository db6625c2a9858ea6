#include "sockets/measure/placement.h"

#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>

namespace pingperf {
namespace {

constexpr std::size_t kMaxThreads = 16;
constexpr int kFirstFieldAfterName = 3, kProcessorField = 39;  // of stat, from 1 (proc(5))

std::optional<int> cpu_of(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;  // the thread has ended
  const std::size_t name_end = line.rfind(')');        // the name can contain any character
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int i = kFirstFieldAfterName; i < kProcessorField; ++i) fields >> field;
  int cpu = 0;
  return fields >> cpu ? std::optional(cpu) : std::nullopt;
}

}  // namespace

void Placement::add_this_thread() {
  const std::lock_guard lock(mutex_);
  if (threads_.size() < kMaxThreads) threads_.push_back(::gettid());
}

void Placement::note_this_cpu() {
  const std::lock_guard lock(mutex_);
  if (const int cpu = ::sched_getcpu(); cpu >= 0) cpus_.insert(cpu);
}

void Placement::sample_cpus() {
  const std::lock_guard lock(mutex_);
  for (const pid_t thread : threads_)
    if (const auto cpu = cpu_of(thread)) cpus_.insert(*cpu);
}

std::string Placement::text() const {
  std::string text;
  for (const int cpu : cpus_) text.append(text.empty() ? "" : " ").append(std::to_string(cpu));
  return text;
}

}  // namespace pingperf
