#include "harness/results/pair_sum.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "sockets/measure/meter.h"

namespace pingperf {
namespace {

// Rates and counts that add up.
constexpr std::string_view kTotals[] = {"throughput_bps",
                                        "sent_bps",
                                        "bytes_sent",
                                        "bytes_received",
                                        "retransmits",
                                        "datagrams_sent",
                                        "datagrams_lost",
                                        "datagrams_received",
                                        "out_of_order",
                                        "duplicates",
                                        "frames",
                                        "frames_late",
                                        "frames_dropped",
                                        "rejected_peers",
                                        "exchanges",
                                        "rate_hz",
                                        "request_bps",
                                        "response_bps",
                                        "rtt_overflow",
                                        "lost",
                                        "late",
                                        "handshakes",
                                        "unsent",
                                        "total_bytes_sent",
                                        "total_bytes_received",
                                        "total_exchanges",
                                        "total_pongs"};

// Delays: the largest counts, because the slowest pair holds up the whole.
bool is_delay(std::string_view metric) {
  constexpr std::string_view kDelays[] = {"rtt_p",       "rtt_mean_ns", "rtt_max_ns",
                                          "rtt_naive_p", "connect_p",   "first_byte_p",
                                          "handshake_p", "frame_p",     "jitter_ns"};
  return std::ranges::any_of(kDelays,
                             [&](std::string_view delay) { return metric.starts_with(delay); });
}

// Returns a metric of every pair; empty if one lacks it.
template <typename Value>
std::vector<double> of_each(const TrialRecord& sum, const Value& value) {
  std::vector<double> values;
  for (const TrialRecord* const part : sum.parts)
    if (const std::optional<double> one = value(*part)) values.push_back(*one);
  if (values.size() != sum.parts.size()) values.clear();
  return values;
}

std::vector<double> named_of_each(const TrialRecord& sum, std::string_view metric) {
  const auto found = std::ranges::find(metrics(), metric, &Metric::name);
  return of_each(sum, found->value);
}

double total(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

std::optional<double> loss_of(const TrialRecord& sum) {
  const double lost = total(named_of_each(sum, "datagrams_lost"));
  const double received = total(named_of_each(sum, "datagrams_received"));
  if (lost + received <= 0) return std::nullopt;
  return lost / (lost + received);
}

std::optional<double> fairness_of(const TrialRecord& sum) {
  const bool is_transfer = sum.trial_case->options->kind == Kind::throughput;
  const std::vector<double> shares = named_of_each(sum, is_transfer ? "throughput_bps" : "rate_hz");
  if (shares.empty()) return std::nullopt;
  return jain_index(shares).value_or(1);  // of one pair, or if none got anything
}

}  // namespace

TrialRecord sum_of_pairs(const Trial& trial, const Case& c,
                         std::span<const TrialRecord* const> parts, std::size_t pairs) {
  TrialRecord sum;
  sum.trial_case = &c;
  sum.trial = trial;
  sum.parts.assign(parts.begin(), parts.end());
  sum.started_at = std::chrono::system_clock::now();
  std::size_t failed = 0, warned = 0;
  for (const TrialRecord* const part : parts) {
    const bool is_first = part == parts.front();
    sum.run = part->run;
    sum.experiment = part->experiment;
    sum.started_at = std::min(sum.started_at, part->started_at);
    sum.elapsed_s = std::max(sum.elapsed_s, part->elapsed_s);
    if (is_first) sum.client_host = part->client_host;
    if (is_first) sum.server_host = part->server_host;
    if (sum.client_host != part->client_host) sum.client_host.clear();
    if (sum.server_host != part->server_host) sum.server_host.clear();
    if (!part->quality.empty()) ++warned;
    if (part->status == Status::ok) continue;
    const bool is_interruption =
        part->status == Status::interrupted && sum.status != Status::interrupted;
    if (++failed == 1 || is_interruption) {
      sum.status = part->status;
      sum.error = part->error;
    }
  }
  if (failed > 0) sum.error = fmt::format("{} of {} pairs failed: {}", failed, pairs, sum.error);
  if (warned > 0) sum.quality = fmt::format("{} of {} pairs have warnings", warned, pairs);
  if (parts.size() == pairs) return sum;
  if (sum.status != Status::interrupted) sum.status = Status::failed;
  sum.error = fmt::format("only {} of {} pairs ran", parts.size(), pairs);
  return sum;
}

std::optional<double> metric_of_sum(
    std::string_view metric, const TrialRecord& sum,
    const std::function<std::optional<double>(const TrialRecord&)>& value) {
  if (metric == "loss_ratio") return loss_of(sum);
  if (metric == "fairness_index") return fairness_of(sum);
  const bool is_total = std::ranges::find(kTotals, metric) != std::end(kTotals);
  if (!is_total && !is_delay(metric)) return std::nullopt;
  const std::vector<double> values = of_each(sum, value);
  if (values.empty()) return std::nullopt;
  return is_total ? total(values) : std::ranges::max(values);
}

}  // namespace pingperf
