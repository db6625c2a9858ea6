// Tests Meter, whose thread reads the counters of a trial's loops at fixed intervals.
#include "sockets/measure/meter.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "sockets/core/cpu_set.h"

namespace pingperf {
namespace {

constexpr int kHighest = -20;

int priority() {
  return ::getpriority(PRIO_PROCESS, 0);
}

// Returns true if this process may raise its priority.
bool can_raise_priority() {
  const int before = priority();
  return ::setpriority(PRIO_PROCESS, 0, kHighest) == 0 &&
         ::setpriority(PRIO_PROCESS, 0, before) == 0;
}

TEST(Meter, OnlyTheFirstByteStartsTheWarmup) {
  Meter meter(Options{});
  const Nanoseconds first = meter.first_byte();
  EXPECT_GT(first, 0);
  EXPECT_EQ(meter.first_byte(), first);
}

TEST(Meter, HasRaisedPriorityOnlyDuringSample) {
  if (!can_raise_priority()) GTEST_SKIP() << "requires CAP_SYS_NICE";
  const int before = priority();
  Meter meter(Options{});
  int of_loop = kHighest;
  std::vector<int> of_probes;
  const auto loop = [&] {
    meter.first_byte();
    of_loop = priority();
  };
  const auto probe = [&] {
    of_probes.push_back(priority());
    return Totals{};
  };
  EXPECT_EQ(run_loops(meter, {loop}, probe, {}).error, "");
  EXPECT_EQ(of_loop, before);
  EXPECT_EQ(std::count(of_probes.begin() + 1, of_probes.end(), kHighest),
            std::ssize(of_probes) - 1);  // the first probe is before sample()
  EXPECT_GT(of_probes.size(), 1U);
  EXPECT_EQ(priority(), before);
}

// A receiver hears of the last lost datagrams from the mark of the end, after the window.
TEST(RunLoops, LastLostDatagramsAreOfTheWindow) {
  Options options;
  options.duration = kMillisecond;
  Meter meter(options);
  std::atomic<std::uint64_t> lost{0};
  const auto loop = [&] {
    meter.first_byte();
    while (!meter.window_closed()) ::sched_yield();
    lost = 7;
  };
  const auto probe = [&] {
    Totals totals;
    totals.datagrams_lost = lost;
    return totals;
  };
  EXPECT_EQ(run_loops(meter, {loop}, probe, {}).datagrams_lost, 7U);
}

TEST(RunLoops, WithoutMemoryForAThreadRunsNoLoop) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer requires more address space than the test allows";
#endif
  const auto run_with_little_memory = [] {
    const rlimit limit{400 << 20, 400 << 20};  // for some 40 stacks of 8 MiB
    ::setrlimit(RLIMIT_AS, &limit);
    Meter meter(Options{});
    bool has_run = false;
    const std::vector<std::function<void()>> loops(200, [&] { has_run = true; });
    const std::string error = run_loops(meter, loops, [] { return Totals{}; }, {}).error;
    std::fputs(has_run ? "a loop has run" : error.c_str(), stderr);
    std::exit(0);
  };
  EXPECT_EXIT(run_with_little_memory(), testing::ExitedWithCode(0),
              "thread [0-9]+ of 200 cannot start .*: Resource temporarily unavailable");
}

// Each loop notes the CPUs that it may run on.
TEST(RunLoops, EachLoopHasACpuOfTheSetInTurn) {
  const Cpus all = allowed_cpus();
  if (all.size() < 2) GTEST_SKIP() << "requires two CPUs";
  const Cpus two = {all[0], all[1]};
  std::vector<Cpus> seen(3);
  Meter meter(Options{});
  std::vector<std::function<void()>> loops;
  for (Cpus& cpus : seen) loops.push_back([&] { cpus = allowed_cpus(); });
  run_loops(
      meter, loops, [] { return Totals{}; }, {}, two);
  EXPECT_EQ(seen, (std::vector<Cpus>{{all[0]}, {all[1]}, {all[0]}}));
}

}  // namespace
}  // namespace pingperf
