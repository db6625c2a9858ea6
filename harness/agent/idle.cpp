#include "harness/agent/idle.h"

#include <sys/wait.h>

#include <csignal>
#include <initializer_list>

namespace pingperf {

// The kernel drops signals of a namespace's first process that it neither handles nor waits for.
int run_idle() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  for (;;) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const int signal = ::sigwaitinfo(&set, nullptr);
    if (signal > 0 && signal != SIGCHLD) return 0;
  }
}

}  // namespace pingperf
