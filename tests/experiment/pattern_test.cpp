// Patterns of traffic.
#include "harness/experiment/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace pingperf {
namespace {

using testing::ElementsAre;

using Ends = std::set<std::pair<std::size_t, std::size_t>>;

Ends ends_of(const std::vector<PatternPair>& pairs) {
  Ends ends;
  for (const PatternPair& pair : pairs) ends.emplace(pair.client, pair.server);
  return ends;
}

// Fails if a host is in two pairs of one group.
void expect_disjoint_groups(const std::vector<PatternPair>& pairs) {
  std::map<std::size_t, std::set<std::size_t>> hosts;
  for (const PatternPair& pair : pairs)
    for (const std::size_t host : {pair.client, pair.server})
      EXPECT_TRUE(hosts[pair.group].insert(host).second) << host << " in group " << pair.group;
}

TEST(Pattern, AllToAllIsATournament) {
  for (std::size_t nodes = 2; nodes <= 33; ++nodes) {
    const auto pairs = pairs_of(Pattern::all_to_all, nodes);
    EXPECT_EQ(pairs.size(), nodes * (nodes - 1) / 2);
    EXPECT_EQ(ends_of(pairs).size(), pairs.size()) << nodes;
    for (const PatternPair& pair : pairs) EXPECT_LT(pair.client, pair.server);
    expect_disjoint_groups(pairs);
    const std::size_t rounds = nodes % 2 == 0 ? nodes - 1 : nodes;  // the fewest there can be
    EXPECT_EQ(pairs.back().group + 1, rounds);
  }
}

TEST(Pattern, ARingVisitsEveryHostTwice) {
  for (std::size_t nodes = 2; nodes <= 9; ++nodes) {
    const auto pairs = pairs_of(Pattern::ring, nodes);
    ASSERT_EQ(pairs.size(), nodes);
    for (const PatternPair& pair : pairs) EXPECT_EQ(pair.server, (pair.client + 1) % nodes);
    expect_disjoint_groups(pairs);
  }
}

TEST(Pattern, PairsAreNeighboursInTheList) {
  EXPECT_THAT(pairs_of(Pattern::pairs, 4), ElementsAre(PatternPair{0, 1, 0}, PatternPair{2, 3, 0}));
}

TEST(Pattern, IncastAndBroadcastHaveACenter) {
  EXPECT_EQ(ends_of(pairs_of(Pattern::incast, 3, 1)), (Ends{{0, 1}, {2, 1}}));
  EXPECT_EQ(ends_of(pairs_of(Pattern::broadcast, 3, 1)), (Ends{{1, 0}, {1, 2}}));
}

}  // namespace
}  // namespace pingperf
