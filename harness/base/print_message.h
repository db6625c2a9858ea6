// Messages to the user on stderr.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <utility>

namespace pingperf {

// Prints to a stream. Failures are ignored: a message that nobody can read must not end a run.
template <typename... Values>
void print_message_to(std::FILE* stream, fmt::format_string<Values...> format, Values&&... values) {
  const std::string text = fmt::format(format, std::forward<Values>(values)...);
  std::fwrite(text.data(), 1, text.size(), stream);
}

// Prints to stderr.
template <typename... Values>
void print_message(fmt::format_string<Values...> format, Values&&... values) {
  print_message_to(stderr, format, std::forward<Values>(values)...);
}

}  // namespace pingperf
