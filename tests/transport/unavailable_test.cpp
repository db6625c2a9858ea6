// The errors of engines whose system calls the kernel or the filter of a container refuses.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

#include "sockets/engines.h"

namespace pingperf {
namespace {

// Makes epoll_pwait2(2) and io_uring_setup(2) fail with `error` in this process (seccomp(2)).
bool refuse_calls(unsigned error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Exits with 0 if the engines that use these two calls name the call and the error, and no other
// engine does. Prints the others to stderr. Must run in its own process, because a filter cannot be
// removed.
[[noreturn]] void judge_under(unsigned error) {
  int wrong = refuse_calls(error) ? 0 : 1;
  for (const Engine* engine : socket_engines()) {
    const std::string call = engine->name.starts_with("epoll")      ? "epoll_pwait2"
                             : engine->name.starts_with("io_uring") ? "io_uring"
                                                                    : "";
    const std::string why = engine->unavailable().value_or("");
    const bool named =
        why.find("epoll_pwait2") != std::string::npos || why.find("io_uring") != std::string::npos;
    const bool right = call.empty() ? !named
                                    : why.find(call) != std::string::npos &&
                                          why.find(std::strerror(error)) != std::string::npos;
    if (right) continue;
    ++wrong;
    std::fprintf(stderr, "%s: '%s'\n", std::string(engine->name).c_str(), why.c_str());
  }
  std::exit(wrong);
}

class Unavailable : public ::testing::TestWithParam<unsigned> {};

TEST_P(Unavailable, WhereTheKernelRefusesTheCall) {
  if (::prctl(PR_GET_SECCOMP) < 0) GTEST_SKIP() << "the kernel has no seccomp(2)";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(judge_under(GetParam()), ::testing::ExitedWithCode(0), "");
}

// The errors of an older kernel and of a container's filter.
INSTANTIATE_TEST_SUITE_P(, Unavailable, ::testing::Values(ENOSYS, EPERM));

}  // namespace
}  // namespace pingperf
