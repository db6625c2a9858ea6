#include "harness/engines/program_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <regex>
#include <stdexcept>
#include <utility>

#include "harness/base/csv.h"
#include "harness/base/json_fields.h"
#include "harness/base/lines.h"
#include "harness/base/measurement_json.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxLine = 16 << 20;  // bytes: two million round trips
constexpr std::size_t kMaxMatched = 4096;   // std::regex recurses for each byte of a match
constexpr std::size_t kMaxIntervals = 1'000'000;
constexpr std::size_t kMaxWasted = 16 * ProgramOutput::kKept;  // of a search for JSON

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

// Scans the JSON object or list that `text` begins with. Returns the bytes up to its end, and
// whether it has an end.
std::pair<std::size_t, bool> scan_value(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') ++i;
    } else if (text[i] == '{' || text[i] == '[') {
      ++depth;
    } else if ((text[i] == '}' || text[i] == ']') && --depth == 0) {
      return {i + 1, true};
    }
  }
  return {text.size(), false};
}

// Returns the last object or list that begins at the start of a line. Returns null if there is
// none. Gives up where much resembles JSON but is not, because each start can cost the whole text.
Json last_json(std::string_view text) {
  std::size_t wasted = 0;  // bytes that were scanned in vain
  Json last;
  for (std::size_t i = 0; i < text.size() && wasted < kMaxWasted;) {
    std::size_t length = 0;
    if (text[i] == '{' || text[i] == '[') {
      const auto [scanned, is_whole] = scan_value(text.substr(i));
      try {
        if (is_whole) last = parse_json(text.substr(i, scanned));
        length = is_whole ? scanned : 0;
      } catch (const JsonError&) {
      }
      if (length == 0) wasted += scanned;
    }
    i = std::min(text.find('\n', i + length), text.size() - 1) + 1;
  }
  return last;
}

[[noreturn]] void fail(const ProgramFigure& figure, std::string_view what) {
  throw std::runtime_error(fmt::format("{}: {}", figure.column, what));
}

// Returns "; /a has b, c": the keys of the deepest object on the way of a pointer that leads
// nowhere. Keys that contain the missing one are first.
std::string keys_near(const Json& document, Json::json_pointer pointer) {
  constexpr std::size_t kMaxKeys = 12;
  std::string missing;
  for (; !pointer.empty() && !document.contains(pointer); pointer.pop_back())
    missing = pointer.back();
  const Json& parent = document.at(pointer);
  if (!parent.is_object()) return "";
  std::vector<std::string> keys;
  for (const auto& [key, value] : parent.items()) keys.push_back(key);
  std::stable_partition(keys.begin(), keys.end(), [&](const std::string& key) {
    return key.find(missing) != std::string::npos;
  });
  keys.resize(std::min(keys.size(), kMaxKeys));
  return fmt::format("; {} has {}", pointer.empty() ? "it" : pointer.to_string(),
                     printable(fmt::format("{}", fmt::join(keys, ", "))));
}

double json_figure(const ProgramFigure& figure, const Json& document) {
  if (document.is_null()) fail(figure, "no line of the output begins with a JSON object or list");
  const Json::json_pointer pointer(figure.json);
  if (!document.contains(pointer))
    fail(figure, fmt::format("the JSON has no {}{}", figure.json, keys_near(document, pointer)));
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
  const auto value = number_in(std::string_view(*found).substr(found->starts_with('+')));
  if (!value) fail(figure, fmt::format("{} is no number", excerpt(*found)));
  return *value;
}

Nanoseconds time_from(const Json& value) {
  constexpr double kMaxTime_ns = 1e18;
  const double ns = as<double>(value, "rtt_ns");
  if (!(ns >= 0 && ns <= kMaxTime_ns)) throw ProtocolError("'rtt_ns' is no time");
  return std::llround(ns);
}

void add_samples(Measurement& m, const Json& line) {
  if (!m.rtt) m.rtt.emplace();
  for (const Json& value : take_array(line, "rtt_ns")) m.rtt->record(time_from(value));
}

void add_histogram(Measurement& m, const Json& line) {
  constexpr std::uint64_t kMaxSamples = 1'000'000'000;
  if (!m.rtt) m.rtt.emplace();
  for (const Json& bucket : take_array(line, "rtt_histogram")) {
    if (!bucket.is_array() || bucket.size() != 2)
      throw ProtocolError("'rtt_histogram' is no list of pairs [ns, count]");
    const auto count = as<std::uint64_t>(bucket[1], "rtt_histogram");
    if (count > kMaxSamples || m.rtt->count() + count > kMaxSamples)
      throw ProtocolError("'rtt_histogram' has more than 1e9 values");
    m.rtt->record(time_from(bucket[0]), count);
  }
}

void add_interval(Measurement& m, const Json& value) {
  const Json object = as<Json>(value, "interval");
  const Interval interval = interval_from(object);
  const Json known = to_json(interval);
  for (const auto& [key, figure] : object.items())
    if (!known.contains(key)) throw ProtocolError("unknown figure " + excerpt(key));
  const double begin = m.intervals.empty() ? 0 : m.intervals.back().end_s;
  if (interval.start_s < begin - 1e-6 || interval.end_s <= interval.start_s)
    throw ProtocolError("an interval begins at 0 or after the one before, and ends later");
  if (m.intervals.size() >= kMaxIntervals) throw ProtocolError("too many intervals");
  m.intervals.push_back(interval);
}

void add_end(Measurement& m, const Json& object) {
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(kEndFigures, key) == kEndFigures.end())
      throw ProtocolError("unknown figure " + excerpt(key));
    take_figure(object, key, m);
  }
  if (m.window_s && *m.window_s <= 0) throw ProtocolError("'window_s' is not above 0");
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
  std::size_t begin = 0, scanned = pending_.size();
  pending_ += bytes;
  for (std::size_t end = 0; (end = pending_.find('\n', scanned)) != std::string::npos;
       begin = scanned = end + 1)
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
      add_interval(measurement_, value);
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

void ProgramOutput::take_figures() {
  const bool has_json = std::ranges::any_of(
      end_.figures, [](const ProgramFigure& figure) { return !figure.json.empty(); });
  const Json document = has_json ? last_json(text_) : Json();
  for (const ProgramFigure& figure : end_.figures) {
    const double value = figure.scale * (figure.json.empty() ? regex_figure(figure, text_)
                                                             : json_figure(figure, document));
    if (!std::isfinite(value)) fail(figure, "is too large");
    if (value < 0) fail(figure, fmt::format("{} is negative", value));
    if (value > 1 && figure.column.ends_with("_ratio"))
      fail(figure, fmt::format("{} is no ratio from 0 to 1", value));
    measurement_.figures[figure.column] = value;
  }
}

Measurement ProgramOutput::finish() {
  if (!pending_.empty()) take_line(std::exchange(pending_, {}));
  if (!measurement_.error.empty()) throw std::runtime_error(measurement_.error);
  try {
    take_figures();
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(
        is_cut_ ? fmt::format("{} (only the last MiB of the output is kept)", e.what())
                : std::string(e.what()));
  }
  complete(measurement_);
  return std::move(measurement_);
}

std::string ProgramOutput::last_line() const {
  std::string end = text_.substr(text_.size() - std::min(text_.size(), kMaxMatched)) + pending_;
  std::string last;
  for_each_line(end, [&](std::string_view line) {
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) last = line;
  });
  return one_line(last);
}

}  // namespace pingperf
