// Interrupt: Ctrl-C, SIGTERM and SIGHUP as a descriptor to poll.
#pragma once

#include "sockets/core/fd.h"

namespace pingperf {

// While one lives, the first of these signals asks for an orderly end, and another one after a
// second ends the process at once: its agents see their stdin close, and end too. One at a time per
// process.
class Interrupt {
 public:
  Interrupt();   // throws std::system_error
  ~Interrupt();  // the signals do again what they did before
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Readable from the first signal on.
  int fd() const noexcept { return event_.get(); }
  bool raised() const noexcept;

 private:
  Fd event_;
};

}  // namespace pingperf
