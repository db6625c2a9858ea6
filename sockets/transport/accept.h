// Accepts connections in spite of failures of accept4(2) that pass.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "sockets/core/fd.h"

namespace pingperf {

// The scope of a failure.
// per_connection: accept4(2) reported a network error of the new connection; the next call may
// succeed.
// out_of_resources: no descriptor or memory is free.
// listener_closed: the listener was shut down, or the descriptor is not a listener.
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

// Waits for the next client and returns its connection. While descriptors or memory are short,
// retries every 10 ms. Returns an empty Fd with errno if the listener was closed.
inline Fd accept_next(int listener) noexcept {
  constexpr auto kRetry = std::chrono::milliseconds(10);
  for (;;) {
    Fd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (client) return client;
    const int error = errno;
    const AcceptFailure failure = classify_accept_error(error);
    if (failure == AcceptFailure::out_of_resources) std::this_thread::sleep_for(kRetry);
    errno = error;
    if (failure == AcceptFailure::listener_closed) return client;
  }
}

}  // namespace pingperf
