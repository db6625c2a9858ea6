// The event loop with coroutines that wait for descriptors, signals and deadlines.
#include "harness/base/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "harness/base/process.h"
#include "harness/base/task.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kFar = 20 * kSecond;  // waited for only if something is broken

Task<std::string> answer_after(Signal& signal, std::string text, int waits) {
  for (int i = 0; i < waits; ++i) co_await signal.until(now_ns() + kFar);
  if (text == "error") throw std::runtime_error("no answer");
  co_return text + "!";
}

Task<std::string> twice(Signal& signal, std::string text, int waits) {
  std::string all;
  for (int i = 0; i < 2; ++i) {
    Task<std::string> task = answer_after(signal, text, waits);
    const std::string answer = co_await task;
    all += answer;
  }
  co_return all;
}

Task<> until(Signal& signal, Nanoseconds deadline) {
  co_await signal.until(deadline);
}

TEST(EventLoopTest, ATaskThatNeedNotWaitIsDoneAtOnce) {
  EventLoop loop;
  Signal signal(loop);
  Task<std::string> task = twice(signal, "yes", 0);
  ASSERT_TRUE(task.is_done());
  EXPECT_EQ(task.result(), "yes!yes!");
}

TEST(EventLoopTest, ASignalResumesTheCoroutineThatWaits) {
  EventLoop loop;
  Signal signal(loop);
  Task<std::string> task = twice(signal, "yes", 2);
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(task.is_done());
    signal.notify();
    loop.run_once(now_ns() + kFar);
  }
  ASSERT_TRUE(task.is_done());
  EXPECT_EQ(task.result(), "yes!yes!");
}

TEST(EventLoopTest, ASignalBeforeTheWaitIsNotLost) {
  EventLoop loop;
  Signal signal(loop);
  signal.notify();
  EXPECT_TRUE(until(signal, now_ns() + kFar).is_done());
}

TEST(EventLoopTest, ADeadlineResumesTheCoroutine) {
  EventLoop loop;
  Signal signal(loop);
  const Nanoseconds deadline = now_ns() + 5 * kMillisecond;
  const Task<> task = until(signal, deadline);
  while (!task.is_done()) loop.run_once(now_ns() + kFar);
  EXPECT_GE(now_ns(), deadline);
}

TEST(EventLoopTest, AnExceptionGoesToTheOneThatWaits) {
  EventLoop loop;
  Signal signal(loop);
  Task<std::string> task = twice(signal, "error", 1);
  signal.notify();
  loop.run_once(now_ns() + kFar);
  ASSERT_TRUE(task.is_done());
  EXPECT_THROW(task.result(), std::runtime_error);
}

TEST(EventLoopTest, ATaskMayBeDestroyedWhileItWaits) {
  EventLoop loop;
  Signal first(loop), second(loop);
  {
    const Task<> one = until(second, now_ns() + kFar);
    Signal inner(loop);
    const Task<> other = until(inner, now_ns() + kMillisecond);
  }
  const Task<> task = until(first, now_ns() + 3 * kMillisecond);
  while (!task.is_done()) loop.run_once(now_ns() + kFar);
}

TEST(EventLoopTest, ATaskMayBeDestroyedAfterItsSignal) {
  EventLoop loop;
  {
    Signal signal(loop);
    const Task<> task = until(signal, now_ns() + kFar);
    signal.notify();
  }
  loop.run_once(0);
  Signal other(loop);
  other.notify();
  EXPECT_TRUE(until(other, now_ns() + kFar).is_done());
}

TEST(EventLoopTest, AHandlerMayForgetItsDescriptor) {
  EventLoop loop;
  const Pipe pipe = make_pipe();
  int calls = 0;
  loop.watch_reads(pipe.read.get(), [&] {
    ++calls;
    loop.forget(pipe.read.get());
  });
  loop.run_once(0);
  EXPECT_EQ(calls, 0);
  ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
  loop.run_once(now_ns() + kFar);
  loop.run_once(0);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace pingperf
