// What becomes of a listener when accept4(2) fails.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "sockets/core/fd.h"

namespace pingperf {

// of_one_connection: the next one may succeed, since Linux hands on what was wrong with a
// connection, too; for_want: of descriptors or memory, until others let some go; of_listener: it
// was shut down, or is none.
enum class AcceptFailure { of_one_connection, for_want, of_listener };

inline AcceptFailure judge_accept(int error) noexcept {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return AcceptFailure::for_want;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
      return AcceptFailure::of_listener;
    default:
      return AcceptFailure::of_one_connection;
  }
}

// The next client, however long that takes. Fails (errno) when the listener has.
inline Fd accept_next(int listener) noexcept {
  constexpr auto kFull = std::chrono::milliseconds(10);
  for (;;) {
    Fd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (client) return client;
    const int error = errno;
    const AcceptFailure failure = judge_accept(error);
    if (failure == AcceptFailure::for_want) std::this_thread::sleep_for(kFull);
    errno = error;
    if (failure == AcceptFailure::of_listener) return client;
  }
}

}  // namespace pingperf
