// PendingConnections: the connections of a listener whose peers have not shown the whole token yet.
//
// Invariants:
//   1. A connection leaves in one of two ways: it shows the token and is admitted, or it is
//      rejected, which closes and counts it.
//   2. A silent connection delays no other: each is read without waiting.
//   3. pending_ is in the order of arrival, and holds at most kMaxPending connections.
#pragma once

#include <poll.h>

#include <limits>
#include <vector>

#include "sockets/core/clock.h"
#include "sockets/core/fd.h"
#include "sockets/transport/accept.h"
#include "sockets/transport/token.h"

namespace pingperf {

class PendingConnections {
 public:
  // Beyond this number, or when descriptors run out, the oldest pending connection is closed.
  static constexpr std::size_t kMaxPending = 256;

  static constexpr Nanoseconds kForever = std::numeric_limits<Nanoseconds>::max();

  PendingConnections(int listener, const Token& token);

  // Returns the next connection that has shown the token. The bytes after the token are not read.
  // Returns an empty Fd with errno on an error: ETIMEDOUT after the deadline, EINVAL if the
  // listener was shut down, EMFILE, ENFILE, ENOBUFS or ENOMEM if no pending connection can be
  // closed. Allocates nothing.
  Fd admit(Nanoseconds deadline) noexcept;

  // Returns the number of connections that were rejected or are pending.
  std::uint64_t rejected() const noexcept { return rejected_ + pending_.size(); }

 private:
  struct Pending {
    Fd connection;
    Token shown{};
    std::size_t received = 0;
  };

  void wait(Nanoseconds deadline) noexcept;
  bool may_continue(AcceptFailure failure) noexcept;
  // Each returns the connection if it has shown the token by now, else an empty Fd.
  Fd authenticate(Fd connection) noexcept;
  Fd read_token(std::size_t index) noexcept;
  void reject(std::size_t index) noexcept;

  const int listener_;
  const Token token_;
  std::vector<Pending> pending_;  // the oldest first
  std::vector<pollfd> set_;       // the listener, then the pending connections in their order
  std::uint64_t rejected_ = 0;
};

}  // namespace pingperf
