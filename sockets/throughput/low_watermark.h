// The low watermarks of TCP streams. The receiver's watermark is how many bytes must have arrived
// before the kernel wakes it (SO_RCVLOWAT, socket(7)). Few wake-ups of many bytes are cheaper than
// many of few bytes. The end of the stream wakes the receiver in any case. The sender's watermark
// limits how many bytes wait in its socket (TCP_NOTSENT_LOWAT; tcp_notsent_lowat in the kernel's
// documentation of ip-sysctl).
#pragma once

#include <cstdint>
#include <optional>

#include "sockets/core/options.h"

namespace pingperf {

// Sets the watermark of a receiver before its stream starts: the parameter, or else the standard
// one. A stream has the standard watermark if its transport is tcp, a warmup will show how fast it
// is, it has no rate, on_off or frames, and its ends are not pinned to the same single CPU. Throws
// std::system_error if the kernel, or a filter of a container, refuses the parameter.
void set_low_watermark(int fd, const Options& options);

// Removes the standard watermark from a stream that received `bytes` in the warmup, if the stream
// is so slow that messages would wait for others.
void review_low_watermark(int fd, const Options& options, std::uint64_t bytes) noexcept;

// Returns the watermark that the kernel uses; nothing if the socket has none.
std::optional<std::uint64_t> low_watermark(int fd) noexcept;

// Sets the parameter of a sender, if it has one. Throws std::system_error.
void set_notsent_low_watermark(int fd, const Options& options);

}  // namespace pingperf
