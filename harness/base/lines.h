// Lines and texts that controller, agent and worker exchange over pipes.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

// The peer broke the protocol. One line that names the error.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Splits the input of a descriptor into lines of at most `limit` bytes.
class LineBuffer {
 public:
  explicit LineBuffer(std::size_t limit) : limit_(limit) {}

  // Reads once. Blocks until data arrive. Returns false at the end of the stream.
  bool read_from(int fd);

  // Returns the next complete line without its newline, or nothing if there is none yet. Throws
  // ProtocolError on a line, complete or not, that is longer than the limit.
  std::optional<std::string> next();

  // Returns the part of an incomplete line that has arrived.
  std::string_view rest() const noexcept { return std::string_view(text_).substr(begin_); }

 private:
  std::size_t limit_;
  std::string text_;
  std::size_t begin_ = 0;    // of the first line that next() has not returned
  std::size_t scanned_ = 0;  // no newline between begin_ and here
};

// The last 4 KiB that a process wrote to its stderr.
class Tail {
 public:
  void add(std::string_view bytes);
  // Reads once. Blocks until data arrive. Returns false at the end of the stream.
  bool read_from(int fd);
  // Reads the bytes that have arrived, at most 1 MiB.
  void drain(int fd);
  // Returns the last line that is not blank, in ASCII without control characters; may be empty.
  std::string last_line() const;
  // Returns the last lines that are not blank, at most 4, joined by "; ". A launcher such as srun
  // prints its reason before its last line.
  std::string last_lines() const;

 private:
  std::string text_;
};

// Writes all of `text` and a newline. Throws std::system_error; on a non-blocking descriptor,
// EAGAIN is an error.
void write_line(int fd, std::string text);

// Returns `text` with control characters as \n and \xNN, so that it fits on one line of a file or a
// terminal. Other UTF-8 characters stay as they are.
std::string printable(std::string_view text);

// Returns `text` for use as an error: printable, cut after about a thousand bytes.
std::string one_line(std::string_view text);

// Returns a command in shell syntax: arguments are quoted where needed, and escaped.
std::string command_line(const std::vector<std::string>& arguments);

// Returns `text` for use in an error: at most 80 bytes, escaped, in single quotes.
std::string excerpt(std::string_view text);

}  // namespace pingperf
