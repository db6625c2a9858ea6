// What becomes of a listener when accept4(2) fails.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "sockets/core/fd.h"

namespace pingperf {

// per_connection: the next one may succeed, since Linux hands on what was wrong with a
// connection, too; out_of_resources: of descriptors or memory, until others let some go;
// listener_closed: it was shut down, or is none.
enum class AcceptFailure { per_connection, out_of_resources, listener_closed };

inline AcceptFailure classify_accept_error(int error) noexcept {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return AcceptFailure::out_of_resources;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
      return AcceptFailure::listener_closed;
    default:
      return AcceptFailure::per_connection;
  }
}

// The next client, however long that takes. Fails (errno) when the listener has.
inline Fd accept_next(int listener) noexcept {
  constexpr auto kFull = std::chrono::milliseconds(10);
  for (;;) {
    Fd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (client) return client;
    const int error = errno;
    const AcceptFailure failure = classify_accept_error(error);
    if (failure == AcceptFailure::out_of_resources) std::this_thread::sleep_for(kFull);
    errno = error;
    if (failure == AcceptFailure::listener_closed) return client;
  }
}

}  // namespace pingperf
