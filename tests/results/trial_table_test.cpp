// Numbers of tables that spreadsheets saved.
#include "harness/results/trial_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pingperf {
namespace {

// Returns the goodput in a table of one trial with other separators, or the error.
std::string goodput(const std::string& cell, char separator = ';') {
  std::string text = "run,experiment,workload,case,block,status,throughput_bps\nr,e,w,w,1,ok,";
  std::ranges::replace(text, ',', separator);
  try {
    const TrialTable trials(CsvTable::parse(text + cell + "\n", "t.csv"));
    return std::to_string(*trials.number(trials.rows()[0], "throughput_bps"));
  } catch (const CsvError& e) {
    return e.what();
  }
}

TEST(TrialTable, ADecimalCommaIsReadBetweenSemicolons) {
  EXPECT_EQ(goodput("1,5"), "1.500000");
  EXPECT_EQ(goodput("1,5E+09"), "1500000000.000000");
  EXPECT_EQ(goodput("-0,25", '\t'), "-0.250000");
}

TEST(TrialTable, NumbersWithTwoReadingsAreRefusedWithTheRemedy) {
  const std::string remedy =
      "' in column throughput_bps is not a number: write numbers with a decimal point and without "
      "separators of thousands";
  EXPECT_EQ(goodput("1.234,5"), "t.csv: '1.234,5" + remedy);
  EXPECT_EQ(goodput("\"1,234\"", ','), "t.csv: '1,234" + remedy);
  EXPECT_EQ(goodput("1 234"), "t.csv: '1 234" + remedy);
  EXPECT_EQ(goodput("1,500"), "t.csv: '1,500" + remedy);
  EXPECT_EQ(goodput("-12,500", '\t'), "t.csv: '-12,500" + remedy);
  EXPECT_EQ(goodput("0,500"), "0.500000");
  EXPECT_EQ(goodput("1234,500"), "1234.500000");
  EXPECT_EQ(goodput("1,5000"), "1.500000");
}

TEST(TrialTable, HasTheCellsThatPingperfWrites) {
  const TrialTable trials(CsvTable::parse(
      "run;experiment;workload;case;block;status;engine;reverse;throughput_bps;tag\n"
      "r;e;w;w/engine=null;1;ok;null;TRUE;1,5;TRUE\n"
      "r;e;w;w/engine=null;2;ok;null;FALSE;1,500;1,500\n",
      "t.csv"));
  const auto row = [&](std::size_t i) { return trials.rows()[i].fields(); };
  EXPECT_EQ(row(0), (std::vector<std::string>{"r", "e", "w", "w/engine=noop", "1", "ok", "noop",
                                              "true", "1.5", "TRUE"}));
  EXPECT_EQ(row(1), (std::vector<std::string>{"r", "e", "w", "w/engine=noop", "2", "ok", "noop",
                                              "false", "1.500", "1,500"}));
}

}  // namespace
}  // namespace pingperf
