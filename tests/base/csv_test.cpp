#include "harness/base/csv.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace pingperf {
namespace {

using Row = std::vector<std::string>;

std::vector<Row> rows_of(const CsvTable& table) {
  std::vector<Row> rows;
  for (const CsvTable::Row row : table.rows()) rows.push_back(row.fields());
  return rows;
}

TEST(Csv, QuotesOnlyIfNecessary) {
  EXPECT_EQ(csv_row({"a", "b c", "", "1.5"}), "a,b c,,1.5\n");
  EXPECT_EQ(csv_row({"a,b", "say \"hi\"", "two\nlines"}),
            "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n");
}

TEST(Csv, ReadsBackWhatItWrites) {
  const std::vector<Row> rows = {{"x", "y"}, {"", "\""}, {"a,b\r\n", "plain"}, {"µs", ","}};
  std::string text;
  for (const Row& row : rows) text += csv_row(row);
  const CsvTable table = CsvTable::parse(text, "t.csv");
  EXPECT_EQ(table.header(), rows[0]);
  EXPECT_EQ(rows_of(table), (std::vector<Row>{rows[1], rows[2], rows[3]}));
  EXPECT_FALSE(table.torn());
}

TEST(Csv, ALastLineWithoutANewlineIsTorn) {
  for (const char* torn : {"a,b\n1,2\n3", "a,b\n1,2\n3,\"4", "a,b\n1,2\n3,4"}) {
    const CsvTable table = CsvTable::parse(torn, "t.csv");
    EXPECT_TRUE(table.torn()) << torn;
    EXPECT_EQ(rows_of(table), std::vector<Row>{(Row{"1", "2"})}) << torn;
  }
}

TEST(Csv, NamesTheLineThatIsNoTable) {
  const auto error = [](const char* text) {
    try {
      CsvTable::parse(text, "t.csv");
      return std::string();
    } catch (const CsvError& e) {
      return std::string(e.what());
    }
  };
  EXPECT_EQ(error("a,b\n1,2,3\n"), "t.csv:2: 3 fields where the header has 2");
  EXPECT_EQ(error("").substr(0, 8), "t.csv:1:");
  EXPECT_EQ(error("a,b\n1,2\nx\"y,2\n").substr(0, 8), "t.csv:3:");
  EXPECT_EQ(error("a,b\n\"x\"y,2\n").substr(0, 8), "t.csv:2:");
  EXPECT_EQ(error("a,b\n1\r2,3\n"), "t.csv:2: a carriage return inside a field must be quoted");
}

// Otherwise, a stray quote would merge all following rows into one.
TEST(Csv, AQuoteThatNeverClosesIsDamageUnlessItIsInTheLastLine) {
  EXPECT_THROW(CsvTable::parse("a,b\n1,2\n\"3,4\n5,6\n", "t.csv"), CsvError);
  EXPECT_THROW(CsvTable::parse("a,b\n1,2\n\"3,4\n5,6", "t.csv"), CsvError);
  EXPECT_TRUE(CsvTable::parse("a,b\n1,2\n\"3,4", "t.csv").torn());
}

TEST(Csv, LinesMayEndAsInTheRfc) {
  const CsvTable table = CsvTable::parse("a,b\r\n1,\"x\"\r\n\"y\",2\r\n", "t.csv");
  EXPECT_EQ(table.header(), (Row{"a", "b"}));
  EXPECT_EQ(rows_of(table), (std::vector<Row>{{"1", "x"}, {"y", "2"}}));
}

// A column with equal cells is stored in another way.
TEST(Csv, KeepsEveryCellOfColumnsThatChangeEarlyLateOrNever) {
  std::vector<Row> rows;
  for (int i = 0; i < 100; ++i)
    rows.push_back({"same", "", i == 0 ? "" : "later", i < 99 ? "x" : "", std::to_string(i)});
  std::string text = "a,b,c,d,e\n";
  for (const Row& row : rows) text += csv_row(row);
  const CsvTable table = CsvTable::parse(text, "t.csv");
  EXPECT_EQ(rows_of(table), rows);
  const CsvTable digits = table.filtered([](const auto& row) { return row[4].size() == 1; });
  EXPECT_EQ(rows_of(digits), std::vector<Row>(rows.begin(), rows.begin() + 10));
}

TEST(Csv, AMissingColumnIsNamed) {
  const CsvTable table = CsvTable::parse("a,b\n", "t.csv");
  EXPECT_EQ(table.column("b"), 1u);
  EXPECT_FALSE(table.has("c"));
  EXPECT_THROW(table.column("c"), CsvError);
}

TEST(Csv, ScansTheRequestedColumnsOfAFileRowByRow) {
  const auto file = std::filesystem::temp_directory_path() /
                    ("pingperf-scan-" + std::to_string(::getpid()) + ".csv");
  const auto scan = [&](const std::string& text, const std::vector<std::string_view>& columns) {
    std::ofstream(file) << text;
    std::vector<std::string> rows;
    scan_csv(file, columns, [&](const CsvCells& row) {
      rows.push_back(std::to_string(row.line) + ":" + std::string(row[0]) + std::string(row[1]));
    });
    return rows;
  };
  EXPECT_EQ(scan("a,b,c\n1,2,3\n4,\"5\n\",6\n7,8,9\n1,2", {"c", "a"}),
            (std::vector<std::string>{"2:31", "3:64", "5:97"}));
  EXPECT_THROW(scan("a,b\n1,2\n", {"a", "c"}), CsvError);
  EXPECT_THROW(scan("a,b\n1\n", {"a", "b"}), CsvError);
  std::filesystem::remove(file);
  EXPECT_THROW(scan_csv(file, {"a"}, [](const CsvCells&) {}), CsvError);
}

// A byte-order mark, other separators and line ends, a last line without an end, and empty rows.
TEST(Csv, ReadsWhatSpreadsheetsWrite) {
  const std::vector<Row> rows = {{"1", "x", "true"}, {"2", "a;b", "false"}};
  for (const char* const text :
       {"\xef\xbb\xbf"
        "a,b,c\r\n1,x,true\r\n2,a;b,false\r\n",
        "a;b;c\n1;x;true\n2;\"a;b\";false\n", "a\tb\tc\n1\tx\ttrue\n2\ta;b\tfalse\n",
        "sep=;\r\na;b;c\r\n1;x;true\r\n2;\"a;b\";false",
        "\"a\";\"b\";\"c\"\r\n\"1\";\"x\";\"true\"\r\n;;\r\n\"2\";\"a;b\";\"false\"\r\n\r\n"}) {
    const CsvTable table = CsvTable::parse(text, "t.csv");
    EXPECT_EQ(table.header(), (std::vector<std::string>{"a", "b", "c"})) << text;
    EXPECT_EQ(rows_of(table), rows) << text;
    EXPECT_TRUE(table.is_foreign()) << text;
    EXPECT_FALSE(table.torn()) << text;
    const CsvTable changed = table.changed([](std::vector<std::string>&) {});
    EXPECT_EQ(changed.separator(), table.separator());
    EXPECT_TRUE(changed.is_foreign());
  }
}

TEST(Csv, AFileOfPingperfIsNotForeign) {
  const CsvTable table = CsvTable::parse("a,b\n1,\"x;y\"\n2,z", "t.csv");
  EXPECT_FALSE(table.is_foreign());
  EXPECT_TRUE(table.torn());
}

TEST(Csv, OtherEncodingsAreRefusedByName) {
  for (const char* const text : {"\xff\xfe"
                                 "a",
                                 "\xfe\xff"
                                 "a"})
    try {
      CsvTable::parse(text, "t.csv");
      ADD_FAILURE() << "read";
    } catch (const CsvError& e) {
      EXPECT_STREQ(e.what(), "t.csv:1: is UTF-16: save it as CSV in UTF-8");
    }
}

}  // namespace
}  // namespace pingperf
