// Interrupt: Ctrl-C, SIGTERM and SIGHUP as a descriptor to poll.
#pragma once

#include "sockets/core/fd.h"

namespace pingperf {

// While an Interrupt lives, the first of these signals requests an orderly end. Another one, a
// second later, ends the process at once; its agents see their stdin close and end, too. One
// Interrupt at a time per process.
class Interrupt {
 public:
  Interrupt();   // throws std::system_error
  ~Interrupt();  // restores the actions of the signals
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Returns a descriptor that is readable after the first signal.
  int fd() const noexcept { return event_.get(); }
  bool raised() const noexcept;

 private:
  Fd event_;
};

}  // namespace pingperf
