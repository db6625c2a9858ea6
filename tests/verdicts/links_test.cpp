// Links of a fleet that are behind the others.
#include "harness/verdicts/links.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Experiment fleet(const std::string& nodes, const std::string& pattern = "all_to_all") {
  return parse_experiment(fmt::format("name: x\nhosts: {{nodes: {{ssh: \"{}\"}}, pattern: {}}}\n"
                                      "workloads: {{w: {{kind: throughput, engine: blocking}}}}\n",
                                      nodes, pattern),
                          "x.yaml");
}

// Returns a summary with a metric of each link.
std::vector<SummaryRow> summary_of(
    const Experiment& e, const std::string& metric,
    const std::function<double(const std::string& client, const std::string& server)>& value) {
  std::vector<SummaryRow> rows;
  for (const Case& c : e.cases) {
    SummaryRow& row = rows.emplace_back();
    row.case_name = c.name;
    row.metric = metric;
    row.median = value(e.hosts_of(c).client->name, e.hosts_of(c).server->name);
  }
  return rows;
}

TEST(Links, ASlowHostIsNamedInsteadOfItsLinks) {
  const Experiment e = fleet("n[1-12]");
  const auto tables = link_tables(
      e, summary_of(e, "throughput_bps", [](const std::string& client, const std::string& server) {
        return client == "n7" || server == "n7" ? 2e9 : 9.4e9;
      }));
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_THAT(tables[0].hosts_behind, ElementsAre("n7"));
  EXPECT_EQ(tables[0].hosts[1], "n2");  // not n10
  EXPECT_THAT(links_behind(tables[0]), HasSubstr("w: n7 is behind the other hosts: median 2"));
}

TEST(Links, ASlowLinkIsNamed) {
  const Experiment e = fleet("n[1-6]");
  const auto tables = link_tables(
      e, summary_of(e, "rtt_p99_ns", [](const std::string& client, const std::string& server) {
        return client == "n2" && server == "n5" ? 9e6 : 1e5;
      }));
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_THAT(tables[0].hosts_behind, IsEmpty());
  EXPECT_THAT(links_behind(tables[0]), HasSubstr("n2-n5 is behind the other links"));
}

TEST(Links, ABetterLinkAndASmallDifferenceAreNot) {
  const Experiment e = fleet("n[1-6]");
  const auto tables = link_tables(
      e, summary_of(e, "throughput_bps", [](const std::string& client, const std::string& server) {
        return client == "n1" && server == "n2" ? 20e9 : client == "n3" ? 9.1e9 : 9.4e9;
      }));
  EXPECT_EQ(links_behind(tables.at(0)), "");
}

TEST(Links, ASumAndPairsWithoutNamesAreNoLinks) {
  const Experiment incast = fleet("n[1-5]", "{incast: {to: n1}}");
  const auto one = [](const std::string&, const std::string&) { return 1.0; };
  EXPECT_EQ(link_tables(incast, summary_of(incast, "loss_ratio", one)).at(0).links.size(), 4u);
  const Experiment pairs = parse_experiment(
      "name: x\nhosts: {pairs: [{}, {}, {}, {}]}\n"
      "workloads: {w: {kind: throughput, engine: blocking}}\n",
      "x.yaml");
  EXPECT_THAT(link_tables(pairs, summary_of(pairs, "throughput_bps", one)), IsEmpty());
}

TEST(Links, ThoseThatChangedAreNamed) {
  std::vector<Verdict> rows;
  for (int i = 2; i <= 12; ++i) {
    Verdict& row = rows.emplace_back();
    row.case_name = fmt::format("w/pair=n1-n{}", i);
    row.metric = "throughput_bps";
    row.decision = i <= 3 ? Decision::slower : i == 4 ? Decision::faster : Decision::same;
  }
  EXPECT_THAT(changed_links(rows),
              UnorderedElementsAre("goodput: slower on 2 of 11 links: n1-n2, n1-n3",
                                   "goodput: faster on 1 of 11 links: n1-n4"));
  for (Verdict& row : rows) row.decision = Decision::slower;
  EXPECT_THAT(changed_links(rows).at(0), EndsWith("n1-n9 and 3 more"));
  for (Verdict& row : rows) row.case_name = "w";
  EXPECT_THAT(changed_links(rows), IsEmpty());
}

}  // namespace
}  // namespace pingperf
