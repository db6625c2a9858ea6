// A mix of message sizes with weights, such as IMIX (RFC 6985), and the order of its messages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sockets/core/options.h"

namespace pingperf {

// Of `weight` messages in each cycle, the size is `size` bytes.
struct SizeShare {
  std::uint64_t size;
  std::uint64_t weight;
};

inline constexpr std::size_t kMaxShares = 16;              // sizes of a mix
inline constexpr std::uint64_t kMaxMessageSize = 1 << 30;  // bytes
inline constexpr std::uint64_t kMaxCycle = 10'000;         // sum of the weights

// Converts between shares and the form of Options::size_mix: "64:7 570:4 1518:1". Returns nullopt
// if a text is not a mix.
std::string text_of(const std::vector<SizeShare>& mix);
std::optional<std::vector<SizeShare>> parse_size_mix(std::string_view text);

// Returns the sizes of successive messages. The sequence consists of whole cycles, each with every
// size as often as its weight, in a random order that is the same in every trial. It has at least
// 1000 messages; after the last comes the first again.
std::vector<std::uint32_t> size_sequence(const std::vector<SizeShare>& mix);

// Returns how many bytes are sent when `messages` more messages of the sequence are complete after
// `bytes`. A message that is partly sent counts as the first of them.
std::uint64_t bytes_after(std::span<const std::uint32_t> sequence, std::uint64_t bytes,
                          std::uint64_t messages) noexcept;

// Return the size of the smallest and the largest message: of the mix, or message_size. 0 if the
// options have neither.
std::uint64_t min_message(const Options& options);
std::uint64_t max_message(const Options& options);

}  // namespace pingperf
