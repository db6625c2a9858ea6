// ConnectListener: the listener of a connect server, which its threads share.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "sockets/transport/pending_connections.h"

namespace pingperf {

class ConnectListener {
 public:
  // `clients` is the number of the client's threads.
  ConnectListener(int fd, const Token& token, std::uint64_t clients)
      : fd_(fd), pending_(fd, token), clients_(clients) {}

  // Returns true if all threads of the client have finished.
  bool is_over() const noexcept { return clients_.load(std::memory_order_relaxed) == 0; }

  // Counts a finished thread of the client. After the last one, shuts the listener down, which
  // wakes every thread of the server.
  void client_finished() noexcept {
    if (--clients_ == 0) ::shutdown(fd_, SHUT_RDWR);
  }

  // Returns the next authenticated connection, as PendingConnections::admit(). If other threads may
  // call it too, `shared` must be true. Then only one thread waits for connections at a time.
  Fd admit(bool shared) noexcept {
    std::unique_lock lock(admitting_, std::defer_lock);
    if (shared) lock.lock();
    return pending_.admit(PendingConnections::kForever);
  }
  std::uint64_t rejected() const noexcept { return pending_.rejected(); }

 private:
  const int fd_;
  std::mutex admitting_;
  PendingConnections pending_;  // guarded by admitting_ if the threads share it
  std::atomic<std::uint64_t> clients_;
};

}  // namespace pingperf
