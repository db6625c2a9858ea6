#include "sockets/core/cpu_set.h"

#include <gmock/gmock.h>

#include <stdexcept>
#include <thread>

namespace pingperf {
namespace {

using testing::ElementsAre;

TEST(CpuSet, ListsAndRangesAreRead) {
  EXPECT_THAT(parse_cpus("3").value(), ElementsAre(3));
  EXPECT_THAT(parse_cpus("8,0-2,1").value(), ElementsAre(0, 1, 2, 8));
  for (const char* const wrong :
       {"", "x", "1-", "-1", "3-1", "1,,2", "0-4096", "4096", " 1", "1.0"})
    EXPECT_FALSE(parse_cpus(wrong)) << wrong;
}

TEST(CpuSet, APinHasOneForm) {
  EXPECT_EQ(normalized_pin("3"), "3");
  EXPECT_EQ(normalized_pin("0,1,2,3,8"), "0-3,8");
  EXPECT_EQ(normalized_pin("2,1"), "1-2");
  EXPECT_EQ(normalized_pin("node01"), "node1");
  for (const char* const wrong : {"node", "nodes", "node-1", "node 1", "all"})
    EXPECT_FALSE(normalized_pin(wrong)) << wrong;
}

TEST(CpuSet, EndsShareACpuOnlyIfItIsTheOnlyOneOfBoth) {
  Options o;
  EXPECT_FALSE(share_one_cpu(o));
  o.client_cpu = o.server_cpu = "3";
  EXPECT_TRUE(share_one_cpu(o));
  for (const char* const several : {"0-3", "0,2", "node0"}) {
    o.client_cpu = o.server_cpu = several;
    EXPECT_FALSE(share_one_cpu(o)) << several;
  }
}

TEST(CpuSet, ThreadsShareACpuByTheirOrderInTheSets) {
  const auto share = [](const char* client, const char* server, std::uint64_t streams) {
    Options o;
    o.client_cpu = client;
    o.server_cpu = server;
    o.streams = streams;
    return threads_share_a_cpu(o);
  };
  EXPECT_FALSE(threads_share_a_cpu({}));
  EXPECT_TRUE(share("1", "1", 1));
  EXPECT_TRUE(share("1", "0-1", 1));
  EXPECT_FALSE(share("0", "0-1", 1));
  EXPECT_FALSE(share("0-1", "0-1", 1));
  EXPECT_TRUE(share("0-1", "0-1", 2));
  EXPECT_FALSE(share("0-3", "0-3", 2));
  EXPECT_TRUE(share("0-3", "0-3", 3));
  EXPECT_FALSE(share("node0", "node0", 8));
}

TEST(CpuSet, ANodeThatIsNotThereIsNamed) {
  try {
    cpus_of_pin("node999");
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "this host has no node999");
  }
}

TEST(CpuSet, AThreadRunsWhereItMay) {
  const Cpus before = allowed_cpus();
  std::thread([&] {
    ASSERT_TRUE(set_affinity(std::span(before).last(1)));
    EXPECT_THAT(allowed_cpus(), ElementsAre(before.back()));
  }).join();
  EXPECT_EQ(allowed_cpus(), before);
}

}  // namespace
}  // namespace pingperf
