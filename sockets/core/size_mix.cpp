#include "sockets/core/size_mix.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <random>

namespace pingperf {
namespace {

constexpr std::size_t kMinSequence = 1000;

// Takes a number from the front of the text.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Shuffles as std::shuffle, whose order depends on the standard library.
void shuffle(std::span<std::uint32_t> sizes, std::mt19937_64& random) {
  for (std::size_t i = sizes.size(); i > 1; --i) std::swap(sizes[i - 1], sizes[random() % i]);
}

std::uint64_t sum_of(std::span<const std::uint32_t> sizes) noexcept {
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
}

}  // namespace

std::string text_of(const std::vector<SizeShare>& mix) {
  std::string text;
  for (const auto& [size, weight] : mix) {
    if (!text.empty()) text += ' ';
    text.append(std::to_string(size)).append(1, ':').append(std::to_string(weight));
  }
  return text;
}

std::optional<std::vector<SizeShare>> parse_size_mix(std::string_view text) {
  std::vector<SizeShare> mix;
  std::uint64_t cycle = 0;
  do {
    const auto size = take_number(text);
    if (!size || *size == 0 || *size > kMaxMessageSize || !take(text, ':')) return std::nullopt;
    const auto weight = take_number(text);
    if (!weight || *weight == 0 || *weight > kMaxCycle) return std::nullopt;
    cycle += *weight;
    mix.push_back({*size, *weight});
  } while (take(text, ' '));
  if (!text.empty() || mix.size() > kMaxShares || cycle > kMaxCycle) return std::nullopt;
  return mix;
}

std::vector<std::uint32_t> size_sequence(const std::vector<SizeShare>& mix) {
  std::uint64_t divisor = 0;
  for (const SizeShare& share : mix) divisor = std::gcd(divisor, share.weight);
  std::vector<std::uint32_t> cycle;
  for (const auto& [size, weight] : mix)
    cycle.insert(cycle.end(), weight / divisor, static_cast<std::uint32_t>(size));
  std::vector<std::uint32_t> sequence;
  std::mt19937_64 random;  // default seed: the same order in every trial
  while (sequence.size() < kMinSequence) {
    shuffle(cycle, random);
    sequence.insert(sequence.end(), cycle.begin(), cycle.end());
  }
  return sequence;
}

std::uint64_t bytes_after(std::span<const std::uint32_t> sequence, std::uint64_t bytes,
                          std::uint64_t messages) noexcept {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max() / 2;
  const std::uint64_t all = sum_of(sequence);
  std::uint64_t offset = bytes % all;
  std::size_t first = 0;  // the message to which `offset` belongs
  while (offset >= sequence[first]) offset -= sequence[first++];
  const std::uint64_t last = first + messages;
  std::uint64_t rounds;
  if (__builtin_mul_overflow(last / sequence.size(), all, &rounds)) return kMax;
  const std::uint64_t rest = sum_of(sequence.first(last % sequence.size()));
  return std::min(kMax, bytes - bytes % all + std::min(rounds, kMax) + rest);
}

std::uint64_t min_message(const Options& o) {
  if (!o.size_mix) return o.message_size.value_or(0);
  const std::vector<SizeShare> mix = parse_size_mix(*o.size_mix).value();
  return std::ranges::min(mix, {}, &SizeShare::size).size;
}

std::uint64_t max_message(const Options& o) {
  if (!o.size_mix) return o.message_size.value_or(0);
  const std::vector<SizeShare> mix = parse_size_mix(*o.size_mix).value();
  return std::ranges::max(mix, {}, &SizeShare::size).size;
}

}  // namespace pingperf
