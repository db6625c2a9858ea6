// Facts of this host: text that a reader and a comparison of two runs can use.
#include "harness/agent/host_facts.h"

#include <gtest/gtest.h>

#include "harness/base/json.h"

namespace pingperf {
namespace {

// /proc/sys/net/ipv4/tcp_rmem has tabs between its values, which were printed as \x09.
TEST(HostFacts, HaveBlanksBetweenTheValuesOfAFile) {
  const Json facts = parse_json(host_facts());
  for (const auto& [name, fact] : facts.items())
    if (fact.is_string()) {
      EXPECT_EQ(fact.get<std::string>().find_first_of("\t\n\\"), std::string::npos) << name;
    }
}

}  // namespace
}  // namespace pingperf
