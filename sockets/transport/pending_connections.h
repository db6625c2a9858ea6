// Door: where those wait who have connected to a listener and have not shown their whole token yet.
// Nobody waits for one of them who keeps mute.
#pragma once

#include <poll.h>

#include <limits>
#include <vector>

#include "sockets/core/clock.h"
#include "sockets/core/fd.h"
#include "sockets/transport/accept.h"
#include "sockets/transport/token.h"

namespace pingperf {

class Door {
 public:
  // How many may stand there at once: one more, or no descriptor for it, and the one who has kept
  // mute for longest goes.
  static constexpr std::size_t kMaxPending = 256;

  static constexpr Nanoseconds kForEver = std::numeric_limits<Nanoseconds>::max();

  Door(int listener, const Token& token);

  // The next connection that has shown the token; what it sent behind that is still to be read.
  // Fails with errno: ETIMEDOUT past the deadline, EINVAL when the listener was shut down, EMFILE
  // and the like when nobody stands there who could go. Allocates nothing.
  Fd admit(Nanoseconds deadline) noexcept;

  // Those that were turned away, and those that stand there.
  std::uint64_t strangers() const noexcept { return rejected_ + guests_.size(); }

 private:
  struct Guest {
    Fd connection;
    Token shown{};
    std::size_t received = 0;
  };

  void wait(Nanoseconds deadline) noexcept;
  bool may_go_on(AcceptFailure failure) noexcept;
  // Each returns the connection that has shown the token by now, if that one has.
  Fd let_in(Fd guest) noexcept;
  Fd examine(std::size_t guest) noexcept;
  void turn_away(std::size_t guest) noexcept;

  const int listener_;
  const Token token_;
  std::vector<Guest> guests_;  // the oldest first
  std::vector<pollfd> set_;    // the listener, and the guests in their order
  std::uint64_t rejected_ = 0;
};

}  // namespace pingperf
