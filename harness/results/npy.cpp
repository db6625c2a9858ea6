#include "harness/results/npy.h"

#include <fmt/core.h>

#include <bit>
#include <cstring>

namespace pingperf {

static_assert(std::endian::native == std::endian::little, "'<i8' below is little-endian");
static_assert(sizeof(Sample) == 16, "an element is two int64");

std::string npy_bytes(const std::vector<Sample>& samples) {
  constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);  // version 1.0
  constexpr std::size_t kLengthField = 2, kAlignment = 64;
  std::string header = fmt::format(
      "{{'descr': [('sent_ns', '<i8'), ('rtt_ns', '<i8')], 'fortran_order': False, 'shape': ({},), "
      "}}",
      samples.size());
  const std::size_t before = kMagic.size() + kLengthField;
  const std::size_t whole = (before + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.append(whole - before - header.size() - 1, ' ').append("\n");
  std::string bytes(kMagic);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  const std::size_t start = bytes.size();
  bytes.resize(start + samples.size() * sizeof(Sample));
  if (!samples.empty())
    std::memcpy(bytes.data() + start, samples.data(), samples.size() * sizeof(Sample));
  return bytes;
}

}  // namespace pingperf
