#include "sockets/core/size_mix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>

namespace pingperf {
namespace {

using Sizes = std::vector<std::uint32_t>;

const std::vector<SizeShare> kImix = {{64, 7}, {570, 4}, {1518, 1}};

TEST(SizeMix, ATextIsReadBack) {
  EXPECT_EQ(text_of(kImix), "64:7 570:4 1518:1");
  const auto mix = parse_size_mix("64:7 570:4 1518:1").value();
  EXPECT_EQ(text_of(mix), text_of(kImix));
}

TEST(SizeMix, OtherTextsAreNoMix) {
  for (const char* text : {"", "64", "64:", ":7", "64:7 ", " 64:7", "64:7  570:4", "64:0", "0:1",
                           "64:-1", "64:7,570:4", "64:10001", "64:9999 65:2", "1073741825:1"})
    EXPECT_FALSE(parse_size_mix(text)) << text;
  std::string many = "1:1";
  for (int size = 2; size <= 17; ++size) many += " " + std::to_string(size) + ":1";
  EXPECT_FALSE(parse_size_mix(many));
}

TEST(SizeMix, EveryCycleHasExactlyTheWeights) {
  const Sizes sequence = size_sequence(kImix);
  ASSERT_GE(sequence.size(), 1000u);
  ASSERT_EQ(sequence.size() % 12, 0u);
  for (std::size_t at = 0; at < sequence.size(); at += 12) {
    std::map<std::uint32_t, int> counts;
    for (std::size_t i = at; i < at + 12; ++i) ++counts[sequence[i]];
    EXPECT_EQ(counts, (std::map<std::uint32_t, int>{{64, 7}, {570, 4}, {1518, 1}}));
  }
}

TEST(SizeMix, TheOrderIsMixedAndTheSameEachTime) {
  const Sizes sequence = size_sequence(kImix);
  EXPECT_EQ(sequence, size_sequence(kImix));
  EXPECT_NE(Sizes(sequence.begin(), sequence.begin() + 12),
            Sizes(sequence.begin() + 12, sequence.begin() + 24));
  EXPECT_FALSE(std::is_sorted(sequence.begin(), sequence.begin() + 12));
}

TEST(SizeMix, WeightsWithACommonFactorMakeShortCycles) {
  const Sizes sequence = size_sequence({{10, 5000}, {20, 5000}});
  for (std::size_t i = 0; i + 1 < sequence.size(); i += 2)
    EXPECT_EQ(sequence[i] + sequence[i + 1], 30u);
}

TEST(SizeMix, BytesAfterMessagesAreTheSumOfTheirSizes) {
  const Sizes sequence = {10, 20, 30};
  EXPECT_EQ(bytes_after(sequence, 0, 0), 0u);
  EXPECT_EQ(bytes_after(sequence, 0, 1), 10u);
  EXPECT_EQ(bytes_after(sequence, 0, 3), 60u);
  EXPECT_EQ(bytes_after(sequence, 0, 7), 130u);
  EXPECT_EQ(bytes_after(sequence, 10, 1), 30u);
  EXPECT_EQ(bytes_after(sequence, 90, 2), 130u);  // 90 = 60 + 10 + 20
  EXPECT_EQ(bytes_after(sequence, 15, 1), 30u);   // a message that is partly sent is the first
  EXPECT_EQ(bytes_after(sequence, 59, 2), 70u);
}

TEST(SizeMix, AnEnormousNumberOfMessagesDoesNotOverflow) {
  const Sizes sequence = {1 << 30};
  EXPECT_GT(bytes_after(sequence, 0, 1'000'000'000'000'000), std::uint64_t{1} << 60);
  EXPECT_GT(bytes_after(sequence, 1 << 30, ~0ull / 4), std::uint64_t{1} << 60);
}

TEST(SizeMix, TheSmallestAndLargestMessageOfOptions) {
  Options o;
  EXPECT_EQ(max_message(o), 0u);
  o.message_size = 100;
  EXPECT_EQ(min_message(o), 100u);
  EXPECT_EQ(max_message(o), 100u);
  o.message_size.reset();
  o.size_mix = "570:4 64:7 1518:1";
  EXPECT_EQ(min_message(o), 64u);
  EXPECT_EQ(max_message(o), 1518u);
}

}  // namespace
}  // namespace pingperf
