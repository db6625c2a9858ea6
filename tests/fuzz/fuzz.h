// What the fuzz targets share. A target is a function that libFuzzer, or replay.cpp, calls with one
// input; it aborts when what it tests does not hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace pingperf {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// An error is one line that says something, whatever the input was.
inline void require_one_line(const std::string& error) {
  require(!error.empty(), "an error says something");
  require(error.find('\n') == std::string::npos, "an error is one line");
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace pingperf
