// Texts that subjects share: one line, with the range of the numbers.
#include "harness/base/shared_text.h"

#include <gmock/gmock.h>

namespace pingperf {
namespace {

TEST(SharedText, HasTheRangeOfEachNumberThatDiffers) {
  const auto shared = shared_texts(
      {{"a", "sent 1.5 Mbit/s of 10 Mbit/s"}, {"b", "once"}, {"c", "sent 9 Mbit/s of 10 Mbit/s"}});
  ASSERT_EQ(shared.size(), 2u);
  EXPECT_EQ(shared[0].text, "sent 1.5 to 9 Mbit/s of 10 Mbit/s");
  EXPECT_EQ(shared[0].count, 2u);
  EXPECT_EQ(shared[1].subject, "b");
}

// "streams=4 to 16" would be the name of no case.
TEST(SharedText, KeepsNumbersInNamesAndAddresses) {
  EXPECT_EQ(shared_texts({{"a", "see bulk/streams=4"}, {"b", "see bulk/streams=16"}}).size(), 2u);
  EXPECT_EQ(shared_texts({{"a", "no 10.0.0.1"}, {"b", "no 10.0.0.2"}}).size(), 2u);
}

TEST(SharedText, IsALineWithTheNumberOfSubjects) {
  SubjectTexts texts(3, {"a", "shared"});
  texts.insert(texts.begin(), {{"b", "one"}, {"c", "other"}});
  EXPECT_EQ(shared_lines(shared_texts(texts), 9, "rows", 2),
            "3 of 9 rows: shared\nb: one\nand 1 more\n");
  EXPECT_EQ(shared_lines({}, 9, "rows", 2), "");
  EXPECT_EQ(shared_lines(shared_texts({{"ping", "ping is bimodal"}}), 9, "rows", 2),
            "ping is bimodal\n");
}

}  // namespace
}  // namespace pingperf
