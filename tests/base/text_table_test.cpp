// Tables at every width: no line is wider than the terminal, and no number is missing.
#include "harness/base/text_table.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <sstream>

namespace pingperf {
namespace {

using testing::HasSubstr;
using testing::Not;

TextTable table_of(const std::vector<std::string>& names) {
  TextTable table({"latency", "ok", "p50", "", "p99"});
  for (const std::string& name : names) table.add({name, "3/3", "13.4 µs", "±1%", "402 µs"});
  return table;
}

std::size_t widest(const std::string& text) {
  std::size_t width = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) width = std::max(width, display_width(line));
  return width;
}

TEST(TextTable, IsWholeIfItFits) {
  const std::string text = table_of({"pingpong"}).to_string({.width = 80});
  EXPECT_EQ(text,
            "latency    ok      p50          p99\n"
            "pingpong  3/3  13.4 µs  ±1%  402 µs\n");
  EXPECT_EQ(table_of({"pingpong"}).width(), 35u);
  EXPECT_EQ(text, table_of({"pingpong"}).to_string({}));
}

TEST(TextTable, IsNeverShortenedInAFile) {
  const std::string name(300, 'x');
  EXPECT_THAT(table_of({name}).to_string({}), HasSubstr(name));
}

TEST(TextTable, MovesTheCommonPartsOfNamesToAHeading) {
  EXPECT_EQ(
      table_of({"bulk/engine=blocking/message_size=4KiB", "bulk/engine=epoll/message_size=4KiB"})
          .to_string({.width = 50}),
      "in every row: bulk/message_size=4KiB\n"
      "latency           ok      p50          p99\n"
      "engine=blocking  3/3  13.4 µs  ±1%  402 µs\n"
      "engine=epoll     3/3  13.4 µs  ±1%  402 µs\n");
}

TEST(TextTable, MovesATitleToTheHeadingThatIsWiderThanItsNames) {
  TextTable table({"to bulk/engine=iperf3/message_size=128KiB", "ratio", "verdict"});
  for (const char* const engine : {"blocking", "epoll"})
    table.add({fmt::format("bulk/engine={}/message_size=128KiB", engine), "0.93", "inconclusive"});
  EXPECT_EQ(table.to_string({.width = 45}),
            "to bulk/engine=iperf3/message_size=128KiB\n"
            "in every row: bulk/message_size=128KiB\n"
            "                 ratio       verdict\n"
            "engine=blocking   0.93  inconclusive\n"
            "engine=epoll      0.93  inconclusive\n");
}

// The name is what a row is about. So it stays whole, however narrow the terminal is.
TEST(TextTable, NeverShortensAName) {
  const std::vector<std::string> names = {"pingpong/message_size=64B/engine=blocking/batch=1",
                                          "reconnect/message_size=65B/engine=epoll"};
  const std::string wide = table_of(names).to_string({.width = 50});
  EXPECT_LE(widest(wide), 50u);
  for (const std::string& name : names) EXPECT_THAT(wide, HasSubstr(name + "\n"));
  EXPECT_THAT(wide, HasSubstr("\n  3/3  13.4 µs  ±1%  402 µs\n"));
  const std::string narrow = table_of(names).to_string({.width = 30});
  EXPECT_LE(widest(narrow), 30u);
  EXPECT_THAT(narrow, HasSubstr("pingpong/message_size=64B/\n    engine=blocking/batch=1\n"));
}

TEST(TextTable, KeepsAValueThatContainsASlashWhole) {
  EXPECT_THAT(table_of({"own/program=/bin/a", "own/program=/bin/b"}).to_string({.width = 44}),
              HasSubstr("\nprogram=/bin/a  3/3"));
}

TEST(TextTable, HasALineOfLabelsIfSeveralRowsAreOfOneCase) {
  TextTable table({"case", "metric", "ratio", "verdict"}, 2);
  for (const char* const metric : {"throughput_bps", "cpu_s_per_gb"})
    table.add({"bulk/engine=blocking", metric, "0.93", "inconclusive"});
  EXPECT_EQ(table.to_string({.width = 36}),
            "case  metric\n"
            "  ratio       verdict\n"
            "bulk/engine=blocking  throughput_bps\n"
            "   0.93  inconclusive\n"
            "bulk/engine=blocking  cpu_s_per_gb\n"
            "   0.93  inconclusive\n");
}

TEST(TextTable, TakesAnEmptyLabelAtEveryWidth) {
  TextTable table({"run", "machine", "labels", "number"}, 3);
  table.add({"20261129T162329Z-1", "vm", "", "1"});
  for (std::size_t width = 1; width < 50; ++width)
    EXPECT_THAT(table.to_string({.width = width}), HasSubstr("1\n")) << width;
}

TEST(TextTable, FlowsIfTheFiguresDoNotFit) {
  const std::string text = table_of({"pingpong"}).to_string({.width = 20});
  EXPECT_LE(widest(text), 20u);
  EXPECT_THAT(text, HasSubstr("p50 13.4 µs ±1%"));
  EXPECT_THAT(text, HasSubstr("p99 402 µs"));
}

TEST(TextTable, ColoursOnlyIfTheStyleHasColours) {
  TextTable table({"case", "verdict"});
  table.add({"bulk", {"slower", TextStyle::error}});
  EXPECT_THAT(table.to_string({}), Not(HasSubstr("\x1b")));
  const std::string text = table.to_string({.color = true});
  EXPECT_THAT(text, HasSubstr("\x1b[31mslower\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[1mcase  verdict\x1b[0m"));
  EXPECT_THAT(table.to_markdown(), Not(HasSubstr("\x1b")));
}

TEST(TextTable, TakesOneMoreColumn) {
  TextTable table({"case", "n"});
  table.add({"bulk", "1"});
  table.add({"pings", "2"});
  table.add_column("bar", {"█━", ""});
  EXPECT_EQ(table.to_string({}),
            "case   n  bar\n"
            "bulk   1   █━\n"
            "pings  2\n");
}

TEST(Wrap, BreaksAtBlanksAndIndentsTheRest) {
  EXPECT_EQ(wrap("one two three", 9), "one two\n  three");
  EXPECT_EQ(wrap("one two three", std::string::npos), "one two three");
  EXPECT_EQ(wrap("a b\nc d\n", 80), "a b\nc d\n");
  EXPECT_EQ(wrap("unbreakable-word x", 5), "unbreakable-word\n  x");
  EXPECT_EQ(wrap("", 5), "");
}

TEST(TextTable, HasANoteBelowItsRowAtEveryWidth) {
  TextTable table({"case", "p50"});
  table.add({"pingpong/engine=blocking", "13.4 µs"});
  table.add_note("changed with it: a, b and c");
  table.add({"pingpong/engine=epoll", "14 µs"});
  EXPECT_THAT(table.to_string({}),
              HasSubstr("13.4 µs\n    changed with it: a, b and c\npingpong/engine=epoll"));
  const std::string narrow = table.to_string({.width = 20});
  EXPECT_THAT(narrow, HasSubstr("13.4 µs\n    changed with it:\n    a, b and c\n"));
  EXPECT_EQ(table.to_markdown().find("changed"), std::string::npos);
}

}  // namespace
}  // namespace pingperf
