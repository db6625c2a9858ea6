// Engine splice where a seccomp profile refuses its calls.
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "sockets/engines.h"

namespace pingperf {
namespace {

// Makes every vmsplice(2) of this process fail with EPERM. Returns false if that is not permitted.
bool refuse_vmsplice() {
  sock_filter program[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_vmsplice},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{4, program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(Splice, IsUnavailableWithTheReasonWhereVmspliceIsRefused) {
  constexpr int kNoSeccomp = 77;
  EXPECT_EQ(splice_throughput().unavailable(), std::nullopt);
  const pid_t child = ::fork();
  if (child == 0) {
    if (!refuse_vmsplice()) ::_exit(kNoSeccomp);
    const auto reason = splice_throughput().unavailable();
    const bool is_named = reason && reason->find("vmsplice is refused") != std::string::npos &&
                          reason->find("Operation not permitted") != std::string::npos;
    ::_exit(is_named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoSeccomp) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace pingperf
