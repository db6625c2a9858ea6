// Durations, sizes, rates and other quantities: reads them strictly, and prints them for humans.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sockets/core/clock.h"

namespace pingperf {

// Each returns nothing if `text` has another form, overflows or is not a whole base unit.
std::optional<Nanoseconds> parse_duration(std::string_view text);  // 500ms 3s 1.5s 2m 1h 10us 100ns
std::optional<std::uint64_t> parse_size(std::string_view text);    // 64 1400B 64KiB 1MB → bytes
std::optional<std::uint64_t> parse_rate(std::string_view text);  // 100mbit 1.5Gbit 10kbit → bit/s
std::optional<double> parse_frequency(std::string_view text);    // 5000 5kHz 10Hz → Hz
std::optional<std::uint64_t> parse_count(std::string_view text);  // plain digits
std::optional<double> parse_percent(std::string_view text);       // 2% 0.1% → ratio

// Return ", did you mean '4KiB'?" for the forms of other programs ("4K", "100Mbps", "5sec") and
// countries ("1,5Gbit", "1 500B"), else ": write e.g. EXAMPLES".
std::string suggest_duration(std::string_view text, std::string_view examples);
std::string suggest_size(std::string_view text, std::string_view examples);
std::string suggest_rate(std::string_view text, std::string_view examples);
std::string suggest_frequency(std::string_view text, std::string_view examples);

// Return the form that each function accepts, without its range, as a regular expression
// (ECMA-262).
std::string duration_pattern();
std::string size_pattern();
std::string rate_pattern();
std::string frequency_pattern();
std::string percent_pattern();

// Return scaled values with three to four significant digits: "14.2 µs", "12.3 Gbit/s", "128 KiB",
// and more if `more_digits` are wanted.
std::string human_duration(double ns, int more_digits = 0);
std::string human_rate(double bps, int more_digits = 0);
std::string human_size(double bytes, int more_digits = 0);
std::string human_frequency(double hz, int more_digits = 0);

}  // namespace pingperf
