// Links of a fleet: the medians of each pair of hosts, and which are behind the others.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"
#include "harness/verdicts/verdict.h"

namespace pingperf {

// The median of one pair of hosts.
struct Link {
  std::string name;    // of the pair
  std::size_t client;  // index into LinkTable::hosts
  std::size_t server;
  double median;
  bool is_behind = false;
};

// One metric of one case on all pairs.
struct LinkTable {
  std::string subject;  // the case without its pair: "bulk/engine=blocking"
  std::string workload;
  std::string engine;
  std::string metric;
  std::vector<std::string> hosts;
  std::vector<Link> links;
  double median = 0;                      // of the links
  std::vector<std::string> hosts_behind;  // the hosts whose links are worse than those of others
};

// Returns the tables of goodput, p50, p99 and loss of every case that runs on three or more pairs
// of named hosts. The rule that finds links and hosts behind the others is in docs/statistics.md.
std::vector<LinkTable> link_tables(const Experiment& experiment,
                                   const std::vector<SummaryRow>& summary);

// Returns "goodput of bulk: node07 is behind the other hosts, n1-n2 is behind the other links:
// 3.1 Gbit/s, median 9.4 Gbit/s". Empty if none is behind. Links of a host that is behind are not
// named again.
std::string links_behind(const LinkTable& table);

// Returns a line per metric and verdict that names the links of a fleet that changed between two
// runs: "goodput: slower on 8 of 28 links: n1-n5, n2-n5 and 6 more". Empty if fewer than three
// links are compared.
std::vector<std::string> changed_links(const std::vector<Verdict>& rows);

}  // namespace pingperf
