#include "harness/base/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "sockets/core/clock.h"
#include "sockets/core/error.h"

namespace pingperf {
namespace {

// The state of the signal handler: lock-free, and set before the handler is installed.
std::atomic<int> event_fd{-1};
std::atomic<Nanoseconds> first_signal{0};
constexpr Nanoseconds kRepeats = kSecond;  // timeout(1) and terminals may send a signal twice

void on_signal(int) {
  const int saved = errno;
  const Nanoseconds now = now_ns();
  Nanoseconds none = 0;
  if (!first_signal.compare_exchange_strong(none, now)) {
    if (now - none > kRepeats) ::_exit(130);
    return;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_fd, &one, sizeof one);
  errno = saved;
}

}  // namespace

Interrupt::Interrupt() : event_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  event_fd = event_.get();
  first_signal = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

Interrupt::~Interrupt() {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  event_fd = -1;
}

bool Interrupt::raised() const noexcept {
  pollfd p{fd(), POLLIN, 0};
  return ::poll(&p, 1, 0) > 0;
}

}  // namespace pingperf
