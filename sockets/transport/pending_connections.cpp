#include "sockets/transport/pending_connections.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace pingperf {
namespace {

int milliseconds_until(Nanoseconds deadline) noexcept {
  constexpr Nanoseconds kMaxWait = 1000 * kSecond;
  return static_cast<int>(std::clamp<Nanoseconds>(deadline - now_ns(), 0, kMaxWait) / kMillisecond +
                          1);
}

}  // namespace

Door::Door(int listener, const Token& token) : listener_(listener), token_(token) {
  guests_.reserve(kMaxPending);
  set_.reserve(kMaxPending + 1);
}

Fd Door::admit(Nanoseconds deadline) noexcept {
  while (now_ns() < deadline) {
    wait(deadline);
    for (std::size_t i = guests_.size(); i-- > 0;)
      if (set_[i + 1].revents != 0)
        if (Fd known = examine(i)) return known;
    if (set_[0].revents == 0) continue;
    Fd guest(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    if (!guest) {
      if (!may_go_on(judge_accept(errno))) return Fd();
      continue;
    }
    if (Fd newest = let_in(std::move(guest))) return newest;
  }
  errno = ETIMEDOUT;
  return Fd();
}

void Door::wait(Nanoseconds deadline) noexcept {
  set_.assign(1, {listener_, POLLIN, POLLIN});
  if (guests_.empty() && deadline == kForEver) return;  // accept4() will wait
  for (const Guest& guest : guests_) set_.push_back({guest.connection.get(), POLLIN, 0});
  if (::poll(set_.data(), set_.size(), milliseconds_until(deadline)) < 0)
    for (pollfd& p : set_) p.revents = 0;
}

bool Door::may_go_on(AcceptFailure failure) noexcept {
  if (failure == AcceptFailure::for_want && !guests_.empty()) {
    turn_away(0);  // who keeps mute does not keep others out
    return true;
  }
  return failure == AcceptFailure::of_one_connection;
}

Fd Door::let_in(Fd guest) noexcept {
  if (guests_.size() == kMaxPending) turn_away(0);
  guests_.push_back({std::move(guest)});
  return examine(guests_.size() - 1);
}

Fd Door::examine(std::size_t i) noexcept {
  Guest& guest = guests_[i];
  const ssize_t n = ::recv(guest.connection.get(), guest.shown.data() + guest.received,
                           guest.shown.size() - guest.received, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Fd();
  if (n > 0) guest.received += static_cast<std::size_t>(n);
  if (n > 0 && guest.received < guest.shown.size()) return Fd();
  if (n <= 0 || !same_token(guest.shown, token_)) {
    turn_away(i);
    return Fd();
  }
  Fd known = std::move(guest.connection);
  guests_.erase(guests_.begin() + static_cast<std::ptrdiff_t>(i));
  return known;
}

void Door::turn_away(std::size_t i) noexcept {
  guests_.erase(guests_.begin() + static_cast<std::ptrdiff_t>(i));
  ++rejected_;
}

}  // namespace pingperf
