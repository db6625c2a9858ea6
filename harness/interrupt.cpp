#include "harness/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "sockets/error.h"

namespace pingperf {
namespace {

// What a signal handler may touch: lock-free, and set before the handler is.
std::atomic<int> event_fd{-1};
std::atomic<int> signals{0};

void on_signal(int) {
  const int saved = errno;
  if (signals.fetch_add(1) > 0) ::_exit(130);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_fd, &one, sizeof one);
  errno = saved;
}

}  // namespace

Interrupt::Interrupt() : event_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  event_fd = event_.get();
  signals = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

Interrupt::~Interrupt() {
  for (int signal : {SIGINT, SIGTERM}) ::signal(signal, SIG_DFL);
  event_fd = -1;
}

bool Interrupt::raised() const noexcept {
  pollfd p{fd(), POLLIN, 0};
  return ::poll(&p, 1, 0) > 0;
}

}  // namespace pingperf
