// Lists of hosts: bracket ranges, and files of hosts.
#include "harness/experiment/host_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Mark kMark{"x.yaml", 3, 16};

std::string error_of_names(const std::string& text) {
  try {
    expand_names(text, kMark);
    return "";
  } catch (const UsageError& e) {
    return e.what();
  }
}

TEST(HostList, ARangeKeepsItsZeros) {
  EXPECT_THAT(expand_names("node[08-11,20]", kMark),
              ElementsAre("node08", "node09", "node10", "node11", "node20"));
  EXPECT_THAT(expand_names("n[9-10]", kMark), ElementsAre("n9", "n10"));
}

TEST(HostList, HasTheFormsOfSlurmAndAnsible) {
  EXPECT_THAT(expand_names("r[1-2]n[1-2],login", kMark),
              ElementsAre("r1n1", "r1n2", "r2n1", "r2n2", "login"));
  EXPECT_THAT(expand_names("www[01:02].example.org", kMark),
              ElementsAre("www01.example.org", "www02.example.org"));
  EXPECT_THAT(expand_names("db-[a:c]", kMark), ElementsAre("db-a", "db-b", "db-c"));
  EXPECT_THAT(expand_names("a, b", kMark), ElementsAre("a", "b"));
}

TEST(HostList, AWrongRangeIsOneLineWithItsPlace) {
  EXPECT_EQ(error_of_names("n[16-01]"),
            "x.yaml:3:16: the range [16-01] runs backwards: write [01-16]");
  for (const char* const text :
       {"n[1-x]", "n[]", "n[1-2", "n1-2]", "n[1-2-3]", "n[-]", "n[1:9:2]", "a,,b", "",
        "-oProxyCommand=x", "n[0-99999999]", "n[0-999]m[0-999]", "n[18446744073709551616]"})
    EXPECT_THAT(error_of_names(text), HasSubstr("x.yaml:3:16: ")) << text;
}

TEST(HostFile, HasAHostPerLine) {
  const auto hosts = parse_host_file("# rack 1\nn[1-2]\n\n  n3 192.0.2.3  # slow\n", "h.txt");
  ASSERT_EQ(hosts.size(), 3u);
  EXPECT_EQ(hosts[1].name, "n2");
  EXPECT_EQ(hosts[2].name, "n3");
  EXPECT_EQ(hosts[2].address, "192.0.2.3");
  EXPECT_EQ(hosts[2].mark.to_string(), "h.txt:4:1");
}

TEST(HostFile, AWrongLineIsNamed) {
  EXPECT_THROW(parse_host_file("n[1-2] 192.0.2.1\n", "h.txt"), UsageError);
  EXPECT_THROW(parse_host_file("a 192.0.2.1 b\n", "h.txt"), UsageError);
}

}  // namespace
}  // namespace pingperf
