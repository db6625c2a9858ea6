// Reads and writes of descriptors.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace pingperf {

inline constexpr std::size_t kReadChunk = 64 * 1024;  // bytes that read_some() reads at most

// Reads once and appends to `text`. Blocks until data arrive. Returns false at the end of the
// stream and on errors.
bool read_some(int fd, std::string& text);

// Returns the contents of a file. Returns nothing, with errno set, if it cannot be opened.
std::optional<std::string> read_file(const std::filesystem::path& file);

// Returns the text behind "KEY:" in a file of such lines, as in /proc, without the blanks before
// it. Returns "" if there is no such line.
std::string value_of_key(const std::filesystem::path& file, std::string_view key);

// Writes all of `text`. Throws std::system_error that names `what`. On a non-blocking descriptor,
// EAGAIN is an error.
void write_all(int fd, std::string_view text, const std::string& what = "write");

}  // namespace pingperf
