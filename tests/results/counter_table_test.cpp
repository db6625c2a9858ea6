#include "harness/results/counter_table.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "harness/base/csv.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::SizeIs;

constexpr const char* kCountersHeader = "schema_version,run,case,block,host,source,name,delta\n";

class CounterTableTest : public testing::Test {
 protected:
  CounterTableTest() { fs::create_directories(folder_); }
  ~CounterTableTest() override { fs::remove_all(folder_); }

  CounterTable read(const std::string& text, std::uint64_t last_block = 10) const {
    std::ofstream(folder_ / "counters.csv") << text;
    return CounterTable::read(folder_, last_block, {"a", "b"});
  }

  std::string error_of(const std::string& rows) const {
    try {
      read(kCountersHeader + rows);
      return "";
    } catch (const CsvError& e) {
      return std::string(e.what()).substr(folder_.string().size() + 1);
    }
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("pingperf-counters-" + std::to_string(::getpid()));
  const CounterId lost_ = {"both", "netstat", "TcpExt.TCPLostRetransmit"};
};

TEST_F(CounterTableTest, ARunWithoutTheFileHasNoCounters) {
  EXPECT_TRUE(CounterTable::read(folder_, 10, {"a"}).empty());
}

TEST_F(CounterTableTest, AChangeWithoutARowIsZero) {
  const CounterTable table = read(std::string(kCountersHeader) +
                                  "1,r,a,2,both,netstat,TcpExt.TCPLostRetransmit,41\n"
                                  "1,r,b,1,both,pressure,cpu some,0.25\n"
                                  "1,r,a,4,both,netstat,TcpExt.TCPLostRetransmit,7\n");
  EXPECT_THAT(table.counters(), ElementsAre(lost_, CounterId{"both", "pressure", "cpu some"}));
  EXPECT_THAT(table.changes("a", lost_, {1, 2, 3, 4, 5}), ElementsAre(0, 41, 0, 7, 0));
  EXPECT_THAT(table.changes("b", lost_, {1, 2}), ElementsAre(0, 0));
  EXPECT_THAT(table.changes("b", table.counters()[1], {1}), ElementsAre(0.25));
  EXPECT_THAT(table.changes("a", {"both", "snmp", "Tcp.Nothing"}, {1}), ElementsAre(0));
  EXPECT_THAT(table.changes("nobody", lost_, {1}), ElementsAre(0));
}

TEST_F(CounterTableTest, LeavesOutOtherCasesLaterBlocksAndATornLine) {
  const CounterTable table = read(std::string(kCountersHeader) +
                                      "1,r,other,1,both,snmp,Tcp.Other,5\n"
                                      "1,r,a,1,both,snmp,Tcp.InSegs,5\n"
                                      "1,r,a,4000000000000,both,snmp,Tcp.Later,5\n"
                                      "1,r,a,2,both,snmp,Tcp.InSegs,6",
                                  3);
  ASSERT_THAT(table.counters(), SizeIs(1));
  EXPECT_THAT(table.changes("a", table.counters()[0], {1, 2}), ElementsAre(5, 0));
}

TEST_F(CounterTableTest, NamesTheLineThatIsDamaged) {
  const std::string good = "1,r,a,1,both,snmp,Tcp.InSegs,5\n";
  EXPECT_EQ(error_of(good + "1,r,a,2,both,snmp,Tcp.InSegs,many\n"),
            "counters.csv:3: 'many' in column delta is not a number");
  EXPECT_EQ(error_of(good + "1,r,a,,both,snmp,Tcp.InSegs,5\n"), "counters.csv:3: '' is no block");
  EXPECT_EQ(error_of(good + "1,r,a,2,both,snmp\n"),
            "counters.csv:3: 6 fields where the header has 8");
  EXPECT_EQ(error_of(good + good), "counters.csv:3: two rows of Tcp.InSegs of a in block 1");
  EXPECT_THROW(read("case,block,host,source,name\n"), CsvError);
  EXPECT_THROW(read(""), CsvError);
}

}  // namespace
}  // namespace pingperf
