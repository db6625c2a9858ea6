#include "harness/base/lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>

#include <algorithm>
#include <cctype>

#include "harness/base/io.h"

namespace pingperf {
namespace {

constexpr std::size_t kTail = 4 * 1024;
constexpr std::size_t kMaxDrained = 1024 * 1024;
constexpr std::size_t kMaxQuoted = 80;

// Returns `text` with control characters and bytes that are not ASCII as \xNN.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 0x7f)
      result += c;
    else
      result += fmt::format("\\x{:02x}", byte);
  }
  return result;
}

std::string quoted(const std::string& argument) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("-_./:=@,+%").find(c) != std::string_view::npos;
  };
  if (!argument.empty() && std::all_of(argument.begin(), argument.end(), is_plain)) return argument;
  std::string text;
  for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return fmt::format("'{}'", escaped(text));
}

bool readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0;
}

// Removes the last line that is not blank, and what follows it, from `text`. Returns it in ASCII
// without control characters; "" if there is none.
std::string cut_last_line(std::string_view& text) {
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  const std::size_t begin = text.rfind('\n') + 1;
  const std::string_view bytes = text.substr(begin);
  text = text.substr(0, begin);
  std::string line;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80)
      line += '?';  // the tail may begin within a character
    else if (byte >= ' ' && byte != 0x7f)
      line += c;
  }
  return line;
}

}  // namespace

bool LineBuffer::read_from(int fd) {
  text_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  return read_some(fd, text_);
}

std::optional<std::string> LineBuffer::next() {
  const std::size_t end = text_.find('\n', scanned_);
  scanned_ = end == std::string::npos ? text_.size() : end;
  if (scanned_ - begin_ > limit_)
    throw ProtocolError(fmt::format("a line is longer than {} MiB", limit_ >> 20));
  if (end == std::string::npos) return std::nullopt;
  std::string line = text_.substr(begin_, end - begin_);
  begin_ = scanned_ = end + 1;
  return line;
}

void Tail::add(std::string_view bytes) {
  text_ += bytes;
  if (text_.size() > kTail) text_.erase(0, text_.size() - kTail);
}

bool Tail::read_from(int fd) {
  std::string bytes;
  const bool more = read_some(fd, bytes);
  add(bytes);
  return more;
}

void Tail::drain(int fd) {
  for (std::size_t n = 0; n < kMaxDrained && readable(fd) && read_from(fd); n += kReadChunk) {
  }
}

std::string Tail::last_line() const {
  std::string_view text = text_;
  return cut_last_line(text);
}

std::string Tail::last_lines() const {
  constexpr int kMaxLines = 4;
  std::string_view text = text_;
  std::string lines;
  for (int i = 0; i < kMaxLines; ++i) {
    const std::string line = cut_last_line(text);
    if (line.empty()) break;
    lines = line + (lines.empty() ? "" : "; ") + lines;
  }
  return lines;
}

void write_line(int fd, std::string text) {
  text += '\n';
  write_all(fd, text);
}

std::string printable(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
    if (byte == '\n')
      result += "\\n";
    else if (byte < ' ' || byte == 0x7f)
      result += fmt::format("\\x{:02x}", byte);
    else if (byte == 0xc2 && next >= 0x80 && next < 0xa0)  // U+0080 to U+009F are controls
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    else
      result += text[i];
  }
  return result;
}

std::string one_line(std::string_view text) {
  constexpr std::size_t kMaxLength = 1000;
  std::string line = printable(text);
  if (line.size() <= kMaxLength) return line;
  std::size_t end = kMaxLength;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end) + "…";
}

std::string command_line(const std::vector<std::string>& arguments) {
  std::vector<std::string> all;
  for (const std::string& argument : arguments) all.push_back(quoted(argument));
  return fmt::format("{}", fmt::join(all, " "));
}

std::string excerpt(std::string_view text) {
  const bool is_cut = text.size() > kMaxQuoted;
  return fmt::format("'{}{}'", escaped(text.substr(0, kMaxQuoted)), is_cut ? "…" : "");
}

}  // namespace pingperf
