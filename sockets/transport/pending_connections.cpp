#include "sockets/transport/pending_connections.h"

#include <sys/socket.h>

#include <cerrno>

#include "sockets/core/io.h"

namespace pingperf {

PendingConnections::PendingConnections(int listener, const Token& token)
    : listener_(listener), token_(token) {
  pending_.reserve(kMaxPending);
  set_.reserve(kMaxPending + 1);
}

Fd PendingConnections::admit(Nanoseconds deadline) noexcept {
  while (now_ns() < deadline) {
    wait(deadline);
    for (std::size_t i = pending_.size(); i-- > 0;)
      if (set_[i + 1].revents != 0)
        if (Fd known = read_token(i)) return known;
    if (set_[0].revents == 0) continue;
    Fd connection(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) {
      if (!may_continue(classify_accept_error(errno))) return Fd();
      continue;
    }
    if (Fd newest = authenticate(std::move(connection))) return newest;
  }
  errno = ETIMEDOUT;
  return Fd();
}

void PendingConnections::wait(Nanoseconds deadline) noexcept {
  set_.assign(1, {listener_, POLLIN, POLLIN});
  if (pending_.empty() && deadline == kForever) return;  // accept4() waits instead
  for (const Pending& entry : pending_) set_.push_back({entry.connection.get(), POLLIN, 0});
  if (::poll(set_.data(), set_.size(), poll_ms(deadline)) < 0)
    for (pollfd& p : set_) p.revents = 0;
}

bool PendingConnections::may_continue(AcceptFailure failure) noexcept {
  if (failure == AcceptFailure::out_of_resources && !pending_.empty()) {
    reject(0);  // frees a descriptor for the next connection
    return true;
  }
  return failure == AcceptFailure::per_connection;
}

Fd PendingConnections::authenticate(Fd connection) noexcept {
  if (pending_.size() == kMaxPending) reject(0);
  pending_.push_back({std::move(connection)});
  return read_token(pending_.size() - 1);
}

Fd PendingConnections::read_token(std::size_t i) noexcept {
  Pending& entry = pending_[i];
  const ssize_t n = ::recv(entry.connection.get(), entry.shown.data() + entry.received,
                           entry.shown.size() - entry.received, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Fd();
  if (n > 0) entry.received += static_cast<std::size_t>(n);
  if (n > 0 && entry.received < entry.shown.size()) return Fd();
  if (n <= 0 || !same_token(entry.shown, token_)) {
    reject(i);
    return Fd();
  }
  Fd known = std::move(entry.connection);
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
  return known;
}

void PendingConnections::reject(std::size_t i) noexcept {
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
  ++rejected_;
}

}  // namespace pingperf
