#include "harness/base/units.h"

#include <gtest/gtest.h>

#include <regex>

namespace pingperf {
namespace {

TEST(Units, DurationsNeedAUnitAndAreWholeNanoseconds) {
  EXPECT_EQ(parse_duration("500ms"), 500 * kMillisecond);
  EXPECT_EQ(parse_duration("1.5s"), 1500 * kMillisecond);
  EXPECT_EQ(parse_duration("2m"), 120 * kSecond);
  EXPECT_EQ(parse_duration("1h"), 3600 * kSecond);
  EXPECT_EQ(parse_duration("50us"), 50 * kMicrosecond);
  EXPECT_EQ(parse_duration("50µs"), 50 * kMicrosecond);
  EXPECT_EQ(parse_duration("0.3us"), 300);  // 299.99999999999994 in doubles
  EXPECT_EQ(parse_duration("2.675s"), 2675 * kMillisecond);
  for (const char* text : {"", "5", "s", "-1s", "+1s", "1 s", "1.5ns", "1.0000000001s", "1e3s",
                           "infs", "nans", "1S", "1..5s", ".s", "99999999999h"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Units, SizesAreBytesDecimalOrBinary) {
  EXPECT_EQ(parse_size("64"), 64u);
  EXPECT_EQ(parse_size("1400B"), 1400u);
  EXPECT_EQ(parse_size("64KiB"), 65536u);
  EXPECT_EQ(parse_size("64kib"), 65536u);
  EXPECT_EQ(parse_size("1MB"), 1'000'000u);
  EXPECT_EQ(parse_size("1.5kB"), 1500u);
  for (const char* text : {"", "KiB", "-64", "1.5", "64X", "99999999999999999999"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Units, RatesAreBitsPerSecond) {
  EXPECT_EQ(parse_rate("100mbit"), 100'000'000u);
  EXPECT_EQ(parse_rate("1.5Gbit"), 1'500'000'000u);
  for (const char* text : {"100", "100MB", "mbit", "-1mbit"})
    EXPECT_FALSE(parse_rate(text)) << text;
}

TEST(Units, FrequenciesCountsAndPercents) {
  EXPECT_EQ(parse_frequency("5000"), 5000);
  EXPECT_EQ(parse_frequency("5kHz"), 5000);
  EXPECT_FALSE(parse_frequency("5 Hz"));
  EXPECT_EQ(parse_count("42"), 42u);
  for (const char* text : {"", "-1", "4.2", "0x10", "18446744073709551616"})
    EXPECT_FALSE(parse_count(text)) << text;
  EXPECT_DOUBLE_EQ(parse_percent("2.5%").value(), 0.025);
  EXPECT_FALSE(parse_percent("2.5"));
}

TEST(Units, HumanTextsHaveThreeDigitsAndAUnit) {
  EXPECT_EQ(human_duration(14'200), "14.2 µs");
  EXPECT_EQ(human_duration(0), "0 ns");
  EXPECT_EQ(human_rate(12.34e9), "12.3 Gbit/s");
  EXPECT_EQ(human_rate(500e6), "500 Mbit/s");
  EXPECT_EQ(human_size(131072), "128 KiB");
  EXPECT_EQ(human_frequency(71'000), "71 k/s");
}

TEST(Units, APatternMatchesTheTextsThatItsParserAccepts) {
  const std::vector<std::string> texts = {
      "",     "5",    "0",     ".5s",     "5.s",     "1.5s",     "500ms",  "1us",   "1µs",   "1ns",
      "2m",   "1h",   "3S",    "64",      "1400B",   "1MB",      "1mb",    "64KiB", "64kib", "1TiB",
      "1bit", "bit",  "5kHz",  "5KHZ",    "10hz",    "1MHz",     "2%",     "0.1 %", "-1s",   "+1",
      "1e3",  "0x10", "1..5s", "100Mbit", "100mbit", "100 mbit", "1kbits", "inf",   "nan"};
  const auto agree = [&](const std::string& pattern, auto parse) {
    const std::regex regex(pattern, std::regex::ECMAScript);
    for (const std::string& text : texts)
      EXPECT_EQ(std::regex_match(text, regex), parse(text).has_value()) << pattern << ": " << text;
  };
  agree(duration_pattern(), parse_duration);
  agree(size_pattern(), parse_size);
  agree(rate_pattern(), parse_rate);
  agree(frequency_pattern(), parse_frequency);
  agree(percent_pattern(), parse_percent);
}

// Each form is refused with the one that was meant.
TEST(Units, FormsOfOtherProgramsAndCountriesAreCorrected) {
  EXPECT_EQ(suggest_size("4K", "64"), ", did you mean '4KiB'?");
  EXPECT_EQ(suggest_size("4M", "64"), ", did you mean '4MiB'?");
  EXPECT_EQ(suggest_size("64 KiB", "64"), ", did you mean '64KiB'?");
  EXPECT_EQ(suggest_size("1\u00a0500B", "64"), ", did you mean '1500B'?");
  EXPECT_EQ(suggest_rate("100M", "1mbit"), ", did you mean '100Mbit'?");
  EXPECT_EQ(suggest_rate("1.5 Gbits/sec", "1mbit"), ", did you mean '1.5Gbit'?");
  EXPECT_EQ(suggest_rate("1,5Gbit", "1mbit"), ", did you mean '1.5Gbit'?");
  EXPECT_EQ(suggest_duration("5 sec", "1s"), ", did you mean '5s'?");
  EXPECT_EQ(suggest_duration("0,5s", "1s"), ", did you mean '0.5s'?");
  EXPECT_EQ(suggest_frequency("5k", "5kHz"), ", did you mean '5kHz'?");
}

TEST(Units, FormsWithTwoMeaningsGetExamplesOnly) {
  EXPECT_EQ(suggest_size("1,500B", "64 or 1MB"), ": write e.g. 64 or 1MB");  // 1.5 or 1500
  EXPECT_EQ(suggest_rate("100", "1mbit"), ": write e.g. 1mbit");
  EXPECT_EQ(suggest_rate("100MB", "1mbit"), ": write e.g. 1mbit");
  EXPECT_EQ(suggest_duration("", "1s"), ": write e.g. 1s");
  EXPECT_EQ(suggest_size(",", "64"), ": write e.g. 64");
}

TEST(Units, AGreekMuIsReadAsTheMicroSign) {
  EXPECT_EQ(parse_duration("5\u03bcs"), 5 * kMicrosecond);
}

}  // namespace
}  // namespace pingperf
