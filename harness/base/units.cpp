#include "harness/base/units.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <span>

#include "harness/base/parse_number.h"

namespace pingperf {
namespace {

struct Scale {
  std::string_view unit;
  double factor;
};

template <std::size_t N>
using Scales = std::array<Scale, N>;

constexpr Scales<8> kDurations = {{{"ns", 1},
                                   {"us", 1e3},
                                   {"µs", 1e3},
                                   {"\u03bcs", 1e3},  // a Greek mu instead of the micro sign
                                   {"ms", 1e6},
                                   {"s", 1e9},
                                   {"m", 60e9},
                                   {"h", 3600e9}}};
constexpr Scales<10> kSizes = {{{"", 1},
                                {"B", 1},
                                {"kB", 1e3},
                                {"MB", 1e6},
                                {"GB", 1e9},
                                {"TB", 1e12},
                                {"KiB", 1024},
                                {"MiB", 1048576},
                                {"GiB", 1073741824},
                                {"TiB", 1099511627776}}};
constexpr Scales<5> kRates = {
    {{"bit", 1}, {"kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}, {"Tbit", 1e12}}};
constexpr Scales<4> kFrequencies = {{{"", 1}, {"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}}};
constexpr Scales<1> kPercents = {{{"%", 0.01}}};

// A unit as other programs write it, in lower case, and as it is written here.
struct Alias {
  std::string_view other;
  std::string_view unit;
};

constexpr Alias kDurationAliases[] = {
    {"ns", "ns"},     {"us", "us"},     {"ms", "ms"},   {"s", "s"},    {"h", "h"},
    {"nsec", "ns"},   {"usec", "us"},   {"msec", "ms"}, {"sec", "s"},  {"secs", "s"},
    {"second", "s"},  {"seconds", "s"}, {"min", "m"},   {"mins", "m"}, {"minute", "m"},
    {"minutes", "m"}, {"hr", "h"},      {"hour", "h"},  {"hours", "h"}};
// iperf3 and dd read K as 1024.
constexpr Alias kSizeAliases[] = {{"k", "KiB"},  {"m", "MiB"},  {"g", "GiB"},
                                  {"t", "TiB"},  {"ki", "KiB"}, {"mi", "MiB"},
                                  {"gi", "GiB"}, {"byte", "B"}, {"bytes", "B"}};
// iperf3 reads K as 1000 in a rate.
constexpr Alias kRateAliases[] = {
    {"k", "kbit"},       {"m", "Mbit"},         {"g", "Gbit"},         {"t", "Tbit"},
    {"bps", "bit"},      {"kbps", "kbit"},      {"mbps", "Mbit"},      {"gbps", "Gbit"},
    {"bit/s", "bit"},    {"kbit/s", "kbit"},    {"mbit/s", "Mbit"},    {"gbit/s", "Gbit"},
    {"bits", "bit"},     {"kbits", "kbit"},     {"mbits", "Mbit"},     {"gbits", "Gbit"},
    {"bits/sec", "bit"}, {"kbits/sec", "kbit"}, {"mbits/sec", "Mbit"}, {"gbits/sec", "Gbit"}};
constexpr Alias kFrequencyAliases[] = {{"k", "kHz"},   {"m", "MHz"},  {"/s", "Hz"}, {"k/s", "kHz"},
                                       {"m/s", "MHz"}, {"rps", "Hz"}, {"pps", "Hz"}};

// A non-negative decimal number without sign, exponent, "inf" or spaces, and the text after it.
struct Quantity {
  double number;
  std::string_view unit;
};

std::optional<Quantity> split(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = parse_number<double>(text.substr(0, end));
  if (!number) return std::nullopt;
  return Quantity{*number, text.substr(end)};
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

// Returns the value in base units. Returns nothing unless the unit is one of `scales`, and the
// value is whole and below 2^63.
template <std::size_t N>
std::optional<std::uint64_t> whole(std::string_view text, const Scales<N>& scales, bool any_case) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  for (const Scale& scale : scales) {
    if (any_case ? lower(scale.unit) != lower(quantity->unit) : scale.unit != quantity->unit)
      continue;
    const double value = quantity->number * scale.factor;
    const double rounded = std::round(value);
    // 0.3us is 299.99999999999994 ns in doubles. A larger difference is a fraction.
    constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
    if (rounded >= 9.2e18 || std::abs(value - rounded) > kRounding * rounded) return std::nullopt;
    return static_cast<std::uint64_t>(rounded);
  }
  return std::nullopt;
}

// Removes the blanks and the separators of thousands, and writes a decimal comma as a point.
// Returns nothing if the number can be read in two ways, such as "1,500".
std::optional<std::string> without_separators(std::string text) {
  // A no-break space, a narrow one, a thin space and an apostrophe.
  for (const std::string_view separator : {" ", "_", "'", "\u00a0", "\u202f", "\u2009", "\u2019"})
    for (std::size_t at = 0; (at = text.find(separator, at)) != std::string::npos;)
      text.erase(at, separator.size());
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos) return text;
  const std::size_t end = std::min(text.find_first_not_of("0123456789", comma + 1), text.size());
  const bool is_single = text.find_first_of(",.") == comma && text.rfind(',') == comma &&
                         text.find('.') == std::string::npos;
  if (!is_single || end == comma + 1 || end == comma + 4) return std::nullopt;
  text[comma] = '.';
  return text;
}

// Returns ", did you mean 'TEXT'?" with the correct form of `text`, if there is one that `parse`
// accepts, else ": write e.g. EXAMPLES".
template <typename Parse>
std::string correct(std::string_view text, std::span<const Alias> aliases, Parse parse,
                    std::string_view examples) {
  std::optional<std::string> plain;
  if (!parse(text)) plain = without_separators(std::string(text));
  if (plain) {
    const std::size_t unit = std::min(plain->find_first_not_of("0123456789."), plain->size());
    for (const Alias& alias : aliases)
      if (!parse(*plain) && lower(plain->substr(unit)) == alias.other)
        plain->replace(unit, std::string::npos, alias.unit);
  }
  if (plain && parse(*plain)) return fmt::format(", did you mean '{}'?", *plain);
  return fmt::format(": write e.g. {}", examples);
}

// Returns a regular expression (ECMA-262) for a number and one of the units.
template <std::size_t N>
std::string pattern(const Scales<N>& scales, bool any_case) {
  std::string units;
  for (const Scale& scale : scales) {
    if (!units.empty() || &scale != &scales.front()) units += '|';
    for (const char c : scale.unit) {
      const std::string other = lower({&c, 1});
      const bool has_case = any_case && std::isalpha(static_cast<unsigned char>(c)) != 0;
      units += has_case ? fmt::format("[{}{}]", static_cast<char>(std::toupper(c)), other)
                        : std::string(1, c);
    }
  }
  return fmt::format("^([0-9]+\\.?[0-9]*|\\.[0-9]+)({})$", units);
}

// Prints three significant digits in the largest scale that gives at least one.
template <std::size_t N>
std::string human(double value, const Scales<N>& scales, int more_digits) {
  const Scale* best = &scales[0];
  for (const Scale& scale : scales)
    if (std::abs(value) >= scale.factor) best = &scale;
  const double scaled = value / best->factor;
  const bool plain = scaled == std::floor(scaled) && std::abs(scaled) < 1e6;
  const int digits = std::abs(scaled) >= 99.95 ? 0 : std::abs(scaled) >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", scaled, plain ? 0 : digits + more_digits, best->unit);
}

}  // namespace

std::optional<Nanoseconds> parse_duration(std::string_view text) {
  const auto value = whole(text, kDurations, false);
  return value ? std::optional(static_cast<Nanoseconds>(*value)) : std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return whole(text, kSizes, true);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  return whole(text, kRates, true);
}

std::optional<double> parse_frequency(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  for (const Scale& scale : kFrequencies)
    if (lower(scale.unit) == lower(quantity->unit)) return quantity->number * scale.factor;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  return parse_number<std::uint64_t>(text);
}

std::optional<double> parse_percent(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity || quantity->unit != "%") return std::nullopt;
  return quantity->number / 100;
}

std::string suggest_duration(std::string_view text, std::string_view examples) {
  return correct(text, kDurationAliases, parse_duration, examples);
}
std::string suggest_size(std::string_view text, std::string_view examples) {
  return correct(text, kSizeAliases, parse_size, examples);
}
std::string suggest_rate(std::string_view text, std::string_view examples) {
  return correct(text, kRateAliases, parse_rate, examples);
}
std::string suggest_frequency(std::string_view text, std::string_view examples) {
  return correct(text, kFrequencyAliases, parse_frequency, examples);
}

std::string duration_pattern() {
  return pattern(kDurations, false);
}
std::string size_pattern() {
  return pattern(kSizes, true);
}
std::string rate_pattern() {
  return pattern(kRates, true);
}
std::string frequency_pattern() {
  return pattern(kFrequencies, true);
}
std::string percent_pattern() {
  return pattern(kPercents, false);
}

std::string human_duration(double ns, int more_digits) {
  static constexpr std::array<Scale, 4> scales = {
      {{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  return human(ns, scales, more_digits);
}

std::string human_rate(double bps, int more_digits) {
  static constexpr std::array<Scale, 5> scales = {
      {{"bit/s", 1}, {"kbit/s", 1e3}, {"Mbit/s", 1e6}, {"Gbit/s", 1e9}, {"Tbit/s", 1e12}}};
  return human(bps, scales, more_digits);
}

std::string human_size(double bytes, int more_digits) {
  static constexpr std::array<Scale, 4> scales = {
      {{"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}}};
  return human(bytes, scales, more_digits);
}

std::string human_frequency(double hz, int more_digits) {
  static constexpr std::array<Scale, 3> scales = {{{"/s", 1}, {"k/s", 1e3}, {"M/s", 1e6}}};
  return human(hz, scales, more_digits);
}

}  // namespace pingperf
