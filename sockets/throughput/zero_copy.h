// ZeroCopy: sends from user memory with MSG_ZEROCOPY (Documentation/networking/msg_zerocopy.rst). A
// completion reports the end of a send, and whether the kernel copied the data, as it does on
// loopback.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "sockets/throughput/transfer.h"

namespace pingperf {

// The zero-copy sends of one socket. Data must not change until the completion of its send.
class ZeroCopy {
 public:
  // Throws std::system_error if the socket does not support zero-copy sends.
  explicit ZeroCopy(int fd);

  // Returns as send(2). Waits for completions if the kernel cannot accept more sends.
  ssize_t send(const char* data, std::size_t size, const Meter& meter) noexcept;

  // Writes the counts of the completions that have arrived to `group`.
  void report(FlowGroup& group) noexcept;

 private:
  static constexpr std::uint64_t kReapEvery = 16;  // sends

  // Reads the completions that have arrived.
  void reap() noexcept;

  const int fd_;
  std::uint64_t sends_ = 0;
  std::uint64_t completed_ = 0;
  std::uint64_t copied_ = 0;
};

}  // namespace pingperf
