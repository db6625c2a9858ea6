// Lines and text over pipes: what controller, agent and worker read and write.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

// The other side broke the protocol: one line that says how.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Cuts what arrives on a descriptor into lines, none longer than `limit` bytes.
class LineBuffer {
 public:
  explicit LineBuffer(std::size_t limit) : limit_(limit) {}

  // Reads once, blocking when nothing is there. Returns false at the end of the stream.
  bool read_from(int fd);

  // The next complete line without its newline; nothing when there is none yet. Throws
  // ProtocolError on a line, finished or not, that is longer than the limit.
  std::optional<std::string> next();

  // What has arrived of a line that is not complete.
  std::string_view rest() const noexcept { return std::string_view(text_).substr(begin_); }

 private:
  std::size_t limit_;
  std::string text_;
  std::size_t begin_ = 0;    // of the first line not yet handed out
  std::size_t scanned_ = 0;  // no newline between begin_ and here
};

// The last 4 KiB of what a process wrote to its stderr.
class Tail {
 public:
  // Reads once, blocking when nothing is there. Returns false at the end of the stream.
  bool read_from(int fd);
  // Reads what is there already, at most 1 MiB of it.
  void drain(int fd);
  // The last line that is not blank, in ASCII without control characters; may be empty.
  std::string last_line() const;

 private:
  std::string text_;
};

// Writes all of `text` and a newline. Throws std::system_error; on a descriptor that does not block
// EAGAIN is such an error.
void write_line(int fd, std::string text);

// `text` with control characters as \n and \xNN: on one line of a file or a terminal. The rest of
// UTF-8 stays as it is.
std::string printable(std::string_view text);

// `text` as an error shows it: printable, cut after about a thousand bytes.
std::string one_line(std::string_view text);

// A command as a shell would take it, so that what is one word looks like one; escaped.
std::string command_line(const std::vector<std::string>& words);

// `text` for use in an error: at most 80 bytes, escaped, in single quotes.
std::string excerpt(std::string_view text);

}  // namespace pingperf
