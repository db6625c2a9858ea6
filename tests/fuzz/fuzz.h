// Declares the fuzz target and its checks. libFuzzer or replay.cpp calls the target once per input.
// The target aborts when a check fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace pingperf {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Requires that an error message is one line and not empty.
inline void require_one_line(const std::string& error) {
  require(!error.empty(), "an error message is not empty");
  require(error.find('\n') == std::string::npos, "an error message is one line");
}

// Requires one to ten error messages, one per line.
inline void require_lines(const std::string& errors) {
  std::istringstream lines(errors);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) require_one_line(line);
  require(count >= 1 && count <= 10, "one to ten errors");
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace pingperf
