#include "harness/verdicts/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "harness/base/counted.h"
#include "harness/base/statistics.h"
#include "harness/results/metric_text.h"
#include "harness/results/metrics.h"

namespace pingperf {
namespace {

constexpr std::string_view kMetrics[] = {"throughput_bps", "rtt_p50_ns", "rtt_p99_ns",
                                         "loss_ratio"};
constexpr std::string_view kPairAxis = "/pair=";
constexpr std::size_t kMinLinks = 3;     // for a table
constexpr std::size_t kMinCompared = 6;  // links, to say that one is behind
constexpr std::size_t kMinHosts = 4;     // hosts, to say that one is behind
constexpr std::size_t kMinLinksOfHost = 3;
constexpr std::size_t kMaxNamed = 8;
constexpr double kMaxDeviations = 5;  // scaled median absolute deviations
constexpr double kMinShare = 0.05;    // of the median
constexpr double kMinLoss = 0.001;    // a difference of loss ratios
constexpr double kNormal = 1.4826;    // MAD to standard deviation of a normal distribution

// The bound beyond which a value is behind the others.
class Bound {
 public:
  Bound(const std::vector<double>& values, std::string_view metric) {
    const auto known = std::ranges::find(metrics(), metric, &Metric::name);
    sign_ = known != metrics().end() && known->better == Better::higher ? -1 : 1;
    center_ = median(values);
    std::vector<double> deviations;
    for (const double value : values) deviations.push_back(std::abs(value - center_));
    const double least = metric == "loss_ratio" ? kMinLoss : kMinShare * std::abs(center_);
    distance_ = std::max(kMaxDeviations * kNormal * median(deviations), least);
  }

  bool is_beyond(double value) const { return sign_ * (value - center_) > distance_; }

 private:
  double sign_;
  double center_ = 0;
  double distance_ = 0;
};

// Compares names so that node2 comes before node10.
bool natural_less(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const auto number = [&](const std::string& text, std::size_t& at) {
      const std::size_t begin = std::min(text.find_first_not_of('0', at), text.size());
      at = begin;
      while (at < text.size() && is_digit(text[at])) ++at;
      return std::string_view(text).substr(begin, at - begin);
    };
    const std::string_view left = number(a, i), right = number(b, j);
    if (left.size() != right.size()) return left.size() < right.size();
    if (left != right) return left < right;
  }
  return a.size() - i < b.size() - j;
}

void mark_links(LinkTable& table) {
  std::vector<double> medians;
  for (const Link& link : table.links) medians.push_back(link.median);
  table.median = median(medians);
  if (table.links.size() < kMinCompared) return;
  const Bound bound(medians, table.metric);
  for (Link& link : table.links) link.is_behind = bound.is_beyond(link.median);
}

void mark_hosts(LinkTable& table) {
  std::vector<std::vector<double>> of_hosts(table.hosts.size());
  for (const Link& link : table.links)
    for (const std::size_t host : {link.client, link.server}) of_hosts[host].push_back(link.median);
  std::vector<double> medians;
  std::vector<std::size_t> hosts;
  for (std::size_t host = 0; host < of_hosts.size(); ++host) {
    if (of_hosts[host].size() < kMinLinksOfHost) continue;
    medians.push_back(median(of_hosts[host]));
    hosts.push_back(host);
  }
  if (hosts.size() < kMinHosts) return;
  const Bound bound(medians, table.metric);
  for (std::size_t i = 0; i < hosts.size(); ++i)
    if (bound.is_beyond(medians[i])) table.hosts_behind.push_back(table.hosts[hosts[i]]);
}

// The cases of one subject, which differ in their pairs.
struct LinkGroup {
  std::string name;
  std::vector<const Case*> cases;
};

std::vector<LinkGroup> subjects_of(const Experiment& experiment) {
  std::vector<LinkGroup> subjects;
  std::map<std::string, std::size_t> places;
  for (const Case& c : experiment.cases) {
    const HostPair& hosts = experiment.hosts_of(c);
    if (c.is_sum || c.search || hosts.client->name.empty() || hosts.server->name.empty()) continue;
    std::string name = c.name.substr(0, c.name.rfind(kPairAxis));
    const auto [place, is_new] = places.try_emplace(name, subjects.size());
    if (is_new) subjects.push_back({std::move(name), {}});
    subjects[place->second].cases.push_back(&c);
  }
  return subjects;
}

// Returns the hosts of the cases, in natural order.
std::vector<std::string> hosts_of(const Experiment& experiment, const LinkGroup& subject) {
  std::vector<std::string> hosts;
  for (const Case* const c : subject.cases) {
    hosts.push_back(experiment.hosts_of(*c).client->name);
    hosts.push_back(experiment.hosts_of(*c).server->name);
  }
  std::ranges::sort(hosts, natural_less);
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return hosts;
}

using Medians = std::map<std::pair<std::string_view, std::string_view>, double>;

std::optional<LinkTable> table_of(const Experiment& experiment, const LinkGroup& subject,
                                  std::string_view metric, const Medians& medians) {
  const Case& first = *subject.cases.front();
  LinkTable table{.subject = subject.name,
                  .workload = first.workload,
                  .engine = first.options->engine,
                  .metric = std::string(metric),
                  .hosts = hosts_of(experiment, subject),
                  .links = {},
                  .hosts_behind = {}};
  std::map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < table.hosts.size(); ++i) places[table.hosts[i]] = i;
  for (const Case* const c : subject.cases) {
    const auto value = medians.find({c->name, metric});
    if (value == medians.end()) continue;
    const HostPair& hosts = experiment.hosts_of(*c);
    table.links.push_back(
        {hosts.name, places.at(hosts.client->name), places.at(hosts.server->name), value->second});
  }
  if (table.links.size() < kMinLinks) return std::nullopt;
  mark_links(table);
  mark_hosts(table);
  return table;
}

std::string behind(const std::vector<std::string>& names, std::string_view what) {
  return fmt::format("{} {} behind the other {}", listed(names, kMaxNamed),
                     names.size() == 1 ? "is" : "are", what);
}

}  // namespace

std::vector<LinkTable> link_tables(const Experiment& experiment,
                                   const std::vector<SummaryRow>& summary) {
  std::vector<LinkTable> tables;
  if (!experiment.has_pairs) return tables;
  Medians medians;
  for (const SummaryRow& row : summary)
    if (std::ranges::find(kMetrics, row.metric) != std::end(kMetrics))
      medians[{row.case_name, row.metric}] = row.median;
  for (const LinkGroup& subject : subjects_of(experiment))
    for (const std::string_view metric : kMetrics)
      if (std::optional<LinkTable> table = table_of(experiment, subject, metric, medians))
        tables.push_back(std::move(*table));
  return tables;
}

std::string links_behind(const LinkTable& table) {
  const auto is_named = [&](std::size_t host) {
    return std::ranges::find(table.hosts_behind, table.hosts[host]) != table.hosts_behind.end();
  };
  std::vector<std::string> links;
  std::vector<double> medians;
  for (const Link& link : table.links) {
    const bool of_named_host = is_named(link.client) || is_named(link.server);
    if (link.is_behind && !of_named_host) links.push_back(link.name);
    if (of_named_host || link.is_behind) medians.push_back(link.median);
  }
  if (links.empty() && table.hosts_behind.empty()) return "";
  std::string text = fmt::format("{} of {}: ", title_of(table.metric), table.subject);
  if (!table.hosts_behind.empty()) text += behind(table.hosts_behind, "hosts");
  if (!links.empty()) text += (table.hosts_behind.empty() ? "" : ", ") + behind(links, "links");
  return text + fmt::format(": median {}, of all links {}.",
                            human_metric(table.metric, median(medians)),
                            human_metric(table.metric, table.median));
}

std::vector<std::string> changed_links(const std::vector<Verdict>& rows) {
  std::map<std::string, std::size_t> compared;  // by metric
  std::map<std::pair<std::string, Decision>, std::vector<std::string>> changed;
  for (const Verdict& row : rows) {
    const std::size_t at = row.case_name.rfind(kPairAxis);
    if (at == std::string::npos) continue;
    ++compared[row.metric];
    if (row.decision == Decision::faster || row.decision == Decision::slower ||
        row.decision == Decision::higher || row.decision == Decision::lower)
      changed[{row.metric, row.decision}].push_back(row.case_name.substr(at + kPairAxis.size()));
  }
  std::vector<std::string> lines;
  for (const auto& [key, links] : changed)
    if (const std::size_t all = compared[key.first]; all >= kMinLinks)
      lines.push_back(fmt::format("{}: {} on {} of {} links: {}", title_of(key.first),
                                  name(key.second), links.size(), all, listed(links, kMaxNamed)));
  return lines;
}

}  // namespace pingperf
