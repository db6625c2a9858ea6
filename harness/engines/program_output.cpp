#include "harness/engines/program_output.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <regex>
#include <stdexcept>
#include <utility>

#include "harness/base/json_fields.h"
#include "harness/base/lines.h"
#include "harness/base/measurement_json.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxLine = 16 << 20;  // bytes: two million round trips
constexpr std::size_t kMaxMatched = 4096;   // std::regex recurses for each byte of a match
constexpr std::size_t kMaxIntervals = 1'000'000;
constexpr std::size_t kMaxErrors = 1000;  // before a value: each can cost the whole text

// The figures of a program's end that an `end` line may have.
constexpr std::array<std::string_view, 13> kEndFigures = {"window_s",
                                                          "bytes_sent",
                                                          "bytes_received",
                                                          "datagrams_sent",
                                                          "datagrams_received",
                                                          "datagrams_lost",
                                                          "out_of_order",
                                                          "duplicates",
                                                          "jitter_ns",
                                                          "retransmits",
                                                          "exchanges",
                                                          "lost",
                                                          "late"};

// Calls `take` with each line of a text.
template <typename Take>
void for_each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Returns the length of the JSON object or list that `text` begins with; 0 if it has no end.
std::size_t length_of_value(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') ++i;
    } else if (text[i] == '{' || text[i] == '[') {
      ++depth;
    } else if ((text[i] == '}' || text[i] == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

// Returns the last object or list that begins at the start of a line. Returns null if there is
// none, or too much that resembles one.
Json last_json(std::string_view text) {
  Json last;
  std::size_t errors = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    if (text[i] == '{' || text[i] == '[') {
      length = length_of_value(text.substr(i));
      try {
        if (length > 0) last = parse_json(text.substr(i, length));
      } catch (const JsonError&) {
        length = 0;
      }
      if (length == 0 && ++errors == kMaxErrors) return {};
    }
    i = std::min(text.find('\n', i + length), text.size() - 1) + 1;
  }
  return last;
}

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

[[noreturn]] void fail(const ProgramFigure& figure, std::string_view what) {
  throw std::runtime_error(fmt::format("{}: {}", figure.column, what));
}

double json_figure(const ProgramFigure& figure, std::string_view text) {
  const Json document = last_json(text);
  if (document.is_null()) fail(figure, "there is no JSON in the output");
  const Json::json_pointer pointer(figure.json);
  if (!document.contains(pointer)) fail(figure, fmt::format("the JSON has no {}", figure.json));
  const Json& value = document.at(pointer);
  if (!value.is_number())
    fail(figure, fmt::format("{} is no number: {}", figure.json, excerpt(json_line(value))));
  return value.get<double>();
}

double regex_figure(const ProgramFigure& figure, std::string_view text) {
  const std::regex regex(figure.regex);
  std::optional<std::string> found;
  for_each_line(text, [&](std::string_view line) {
    std::cmatch match;
    line = line.substr(0, kMaxMatched);
    if (std::regex_search(line.data(), line.data() + line.size(), match, regex)) found = match[1];
  });
  if (!found) fail(figure, fmt::format("no line of the output matches '{}'", figure.regex));
  const auto value = number_in(*found);
  if (!value) fail(figure, fmt::format("{} is no number", excerpt(*found)));
  return *value;
}

Nanoseconds time_from(const Json& value) {
  constexpr double kLongest_ns = 1e18;
  const double ns = as<double>(value, "rtt_ns");
  if (!(ns >= 0 && ns <= kLongest_ns)) throw ProtocolError("'rtt_ns' is no time");
  return std::llround(ns);
}

void add_samples(Measurement& m, const Json& line) {
  if (!m.rtt) m.rtt.emplace();
  for (const Json& value : take_array(line, "rtt_ns")) m.rtt->record(time_from(value));
}

void add_histogram(Measurement& m, const Json& line) {
  constexpr std::uint64_t kMost = 1'000'000'000;
  if (!m.rtt) m.rtt.emplace();
  for (const Json& bucket : take_array(line, "rtt_histogram")) {
    if (!bucket.is_array() || bucket.size() != 2)
      throw ProtocolError("'rtt_histogram' is no list of pairs [ns, count]");
    const auto count = as<std::uint64_t>(bucket[1], "rtt_histogram");
    if (count > kMost || m.rtt->count() + count > kMost)
      throw ProtocolError("'rtt_histogram' has more than 1e9 values");
    m.rtt->record(time_from(bucket[0]), count);
  }
}

void add_end(Measurement& m, const Json& object) {
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(kEndFigures, key) == kEndFigures.end())
      throw ProtocolError("unknown figure " + excerpt(key));
    take_figure(object, key, m);
  }
}

// Adds what follows from the intervals and the round trips, where the program did not say it.
void complete(Measurement& m) {
  if (m.rtt && m.rtt->count() == 0) m.rtt.reset();
  if (m.rtt && !m.exchanges) m.exchanges = m.rtt->count();
  if (m.intervals.empty()) return;
  if (!m.window_s) m.window_s = m.intervals.back().end_s - m.intervals.front().start_s;
  const auto sum_up = [&](std::optional<std::uint64_t>& total,
                          std::optional<std::uint64_t> Interval::*part) {
    if (total) return;
    std::uint64_t sum = 0;
    for (const Interval& interval : m.intervals) {
      if (!(interval.*part)) return;
      sum += *(interval.*part);
    }
    total = sum;
  };
  sum_up(m.bytes_sent, &Interval::bytes_sent);
  sum_up(m.bytes_received, &Interval::bytes_received);
  sum_up(m.retransmits, &Interval::retransmits);
}

}  // namespace

void ProgramOutput::add(std::string_view bytes) {
  pending_ += bytes;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = pending_.find('\n', begin)) != std::string::npos;
       begin = end + 1)
    take_line(std::string_view(pending_).substr(begin, end - begin));
  pending_.erase(0, begin);
  if (pending_.size() > kMaxLine) {
    take_line(pending_);
    pending_.clear();
  }
}

void ProgramOutput::take_line(std::string_view line) {
  if (line.starts_with("{\"pingperf\":")) return take_own_line(line);
  text_ += line;
  text_ += '\n';
  if (text_.size() <= 2 * kKept) return;  // erases seldom, because that moves a megabyte
  text_.erase(0, text_.find('\n', text_.size() - kKept) + 1);
  is_cut_ = true;
}

void ProgramOutput::take_own_line(std::string_view line) try {
  constexpr int kVersion = 1;
  const Json object = parse_json(line);
  if (take<int>(object, "pingperf") != kVersion) throw ProtocolError("its version is not 1");
  for (const auto& [key, value] : object.items()) {
    if (key == "pingperf") continue;
    if (key == "interval") {
      if (measurement_.intervals.size() >= kMaxIntervals) throw ProtocolError("too many intervals");
      measurement_.intervals.push_back(interval_from(take<Json>(object, key)));
      if (progress_) progress_(measurement_.intervals.back());
    } else if (key == "rtt_ns") {
      add_samples(measurement_, object);
    } else if (key == "rtt_histogram") {
      add_histogram(measurement_, object);
    } else if (key == "end") {
      add_end(measurement_, take<Json>(object, key));
    } else {
      throw ProtocolError("unknown key " + excerpt(key));
    }
  }
} catch (const std::runtime_error& e) {  // of JSON or of a key
  if (measurement_.error.empty())
    measurement_.error =
        fmt::format("a line of pingperf's format is wrong: {}: {}", e.what(), excerpt(line));
}

double ProgramOutput::figure(const ProgramFigure& figure) const {
  return figure.scale *
         (figure.json.empty() ? regex_figure(figure, text_) : json_figure(figure, text_));
}

Measurement ProgramOutput::finish() {
  if (!pending_.empty()) take_line(std::exchange(pending_, {}));
  if (!measurement_.error.empty()) throw std::runtime_error(measurement_.error);
  try {
    for (const ProgramFigure& f : end_.figures) measurement_.figures[f.column] = figure(f);
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(
        is_cut_ ? fmt::format("{} (only the last MiB of the output is kept)", e.what())
                : std::string(e.what()));
  }
  complete(measurement_);
  return std::move(measurement_);
}

std::string ProgramOutput::last_line() const {
  std::string last;
  for_each_line(std::string_view(text_).substr(text_.size() - std::min(text_.size(), kMaxMatched)),
                [&](std::string_view line) {
                  if (line.find_first_not_of(" \t\r") != std::string_view::npos) last = line;
                });
  return one_line(last);
}

}  // namespace pingperf
