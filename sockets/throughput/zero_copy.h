// MSG_ZEROCOPY: sends that the kernel takes from user memory, with the completions that tell when
// it has done so, and whether it copied all the same
// (Documentation/networking/msg_zerocopy.rst). It does on loopback.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "sockets/throughput/transfer.h"

namespace pingperf {

// The zero-copy sends of one socket. What is sent must not change until its completion.
class ZeroCopy {
 public:
  // Throws std::system_error when the socket cannot.
  explicit ZeroCopy(int fd);

  // As send(2). Waits for completions when the kernel will take no more without.
  ssize_t send(const char* data, std::size_t size, const Meter& meter) noexcept;

  // Writes what the completions said so far.
  void report(FlowGroup& group) noexcept;

 private:
  static constexpr std::uint64_t kReapEvery = 16;  // sends

  // Reads the completions that are here.
  void reap() noexcept;

  const int fd_;
  std::uint64_t sends_ = 0;
  std::uint64_t completed_ = 0;
  std::uint64_t copied_ = 0;
};

}  // namespace pingperf
