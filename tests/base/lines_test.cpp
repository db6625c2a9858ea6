// Texts of other programs, made safe for tables and terminals.
#include "harness/base/lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pingperf {
namespace {

using ::testing::EndsWith;

TEST(Lines, AnErrorIsCutBetweenCharacters) {
  std::string euros;
  for (int i = 0; i < 1000; ++i) euros += "€";
  const std::string line = one_line(euros);
  EXPECT_LT(line.size(), 1010u);
  EXPECT_THAT(line, EndsWith("€…"));
  EXPECT_EQ(one_line(line), line);
}

TEST(Lines, ControlCharactersCannotReachATerminal) {
  EXPECT_EQ(printable("a\nb\r\033[2J\x7f"), "a\\nb\\x0d\\x1b[2J\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\x9b2J");  // CSI as one character
  EXPECT_EQ(printable("grüße © €"), "grüße © €");
}

TEST(Lines, ACommandIsOneLineThatAShellAccepts) {
  EXPECT_EQ(command_line({"ssh", "-o", "BatchMode=yes", "user@host"}),
            "ssh -o BatchMode=yes user@host");
  EXPECT_EQ(command_line({"sh", "-c", "echo 'a b'\ntrue", ""}),
            "sh -c 'echo '\\''a b'\\''\\x0atrue' ''");
}

}  // namespace
}  // namespace pingperf
