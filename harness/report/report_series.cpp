#include "harness/report/report_series.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>

#include "harness/results/run_directory.h"

namespace pingperf {
namespace {

constexpr std::uintmax_t kMaxIntervals = 64 << 20;  // bytes of intervals.csv
constexpr std::size_t kMaxPoints = 120;             // per trial

struct IntervalSum {
  double start_s = 0, end_s = 0;
  // Each sum, then the seconds or rows that it covers: 0 if no row has the value.
  double bits = 0, messages = 0, retransmits = 0;
  double rated_s = 0, counted_s = 0, sent_s = 0;
  double rtt_ns = 0, cwnd_bytes = 0;
  std::size_t rtts = 0, cwnds = 0;
};

// The columns of intervals.csv that the page draws.
struct IntervalRow {
  double start_s = 0, end_s = 0;
  std::optional<double> bytes_sent, bytes_received, messages, retransmits, rtt_ns, cwnd_bytes;
};

// The rows of the two ends of a trial.
struct Ends {
  std::vector<IntervalRow> client, server;
};

// The parameters that decide which end sends.
struct Direction {
  bool is_transfer = false;
  bool is_reverse = false;
  bool is_bidirectional = false;
};

using TrialKey = std::pair<std::string, std::uint64_t>;

std::map<TrialKey, Ends> read_intervals(const std::filesystem::path& file,
                                        const DrawnTrials& drawn) {
  std::map<TrialKey, Ends> trials;
  for (const auto& [name, repetitions] : drawn)
    for (std::uint64_t repetition : repetitions) trials[{name, repetition}];
  const CsvTable table = CsvTable::read(file);
  const auto column = [&](std::string_view name) { return table.column(name); };
  const std::size_t case_name = column("case"), repetition = column("repetition"),
                    endpoint = column("endpoint"), start = column("start_s"), end = column("end_s"),
                    sent = column("bytes_sent"), received = column("bytes_received"),
                    messages = column("messages"), retransmits = column("retransmits"),
                    rtt = column("rtt_ns"), cwnd = column("cwnd_bytes");
  for (const auto row : table.rows()) {
    const auto number = static_cast<std::uint64_t>(number_in(row[repetition]).value_or(0));
    const auto found = trials.find({std::string(row[case_name]), number});
    const bool is_client = row[endpoint] == "client";
    if (found == trials.end() || (!is_client && row[endpoint] != "server")) continue;
    auto& rows = is_client ? found->second.client : found->second.server;
    rows.push_back({number_in(row[start]).value_or(0), number_in(row[end]).value_or(0),
                    number_in(row[sent]), number_in(row[received]), number_in(row[messages]),
                    number_in(row[retransmits]), number_in(row[rtt]), number_in(row[cwnd])});
  }
  return trials;
}

void add(IntervalSum& sum, const IntervalRow& row, const Direction& direction) {
  const double length_s = row.end_s - row.start_s;
  sum.end_s = row.end_s;
  const std::optional<double>& bytes = row.bytes_received ? row.bytes_received : row.bytes_sent;
  if (direction.is_transfer && bytes) {
    sum.bits += 8 * *bytes;
    sum.rated_s += length_s;
  }
  if (!direction.is_transfer && row.messages) {
    sum.messages += *row.messages;
    sum.counted_s += length_s;
  }
  if (row.retransmits) {
    sum.retransmits += *row.retransmits;
    sum.sent_s += length_s;
  }
  if (row.rtt_ns) {
    sum.rtt_ns += *row.rtt_ns;
    ++sum.rtts;
  }
  if (row.cwnd_bytes) {
    sum.cwnd_bytes += *row.cwnd_bytes;
    ++sum.cwnds;
  }
}

// Returns the sums of each `merged` rows.
std::vector<IntervalSum> sums_of(const std::vector<IntervalRow>& rows, std::size_t merged,
                                 const Direction& direction) {
  std::vector<IntervalSum> sums;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % merged == 0) {
      sums.emplace_back();
      sums.back().start_s = rows[i].start_s;
    }
    add(sums.back(), rows[i], direction);
  }
  return sums;
}

Json quotient(double sum, double by) {
  return by > 0 ? Json(for_picture(sum / by)) : Json();
}

// Sets `trial[name]` to [[seconds, value], …] unless no interval has the value.
template <typename Value>
void set_points(Json& trial, const char* name, const std::vector<IntervalSum>& sums, Value value) {
  Json points = Json::array();
  bool any = false;
  for (const IntervalSum& sum : sums) {
    Json y = value(sum);
    any = any || !y.is_null();
    points.push_back({for_picture((sum.start_s + sum.end_s) / 2), std::move(y)});
  }
  if (any) trial[name] = std::move(points);
}

// Sets the rate from the receiving end, and the TCP values from the sending end. If that end has no
// intervals, as an external server, uses the other end.
void set_series(Json& trial, const Ends& ends, std::size_t merged, const Direction& direction) {
  const bool client_sends = !direction.is_reverse || direction.is_bidirectional;
  const bool client_rates =
      !direction.is_transfer || direction.is_bidirectional || direction.is_reverse;
  const auto chosen = [&](bool is_client) -> const std::vector<IntervalRow>& {
    const auto& wanted = is_client ? ends.client : ends.server;
    return wanted.empty() ? (is_client ? ends.server : ends.client) : wanted;
  };
  const auto rates = sums_of(chosen(client_rates), merged, direction);
  const auto sent = sums_of(chosen(client_sends), merged, direction);
  using Sum = const IntervalSum&;
  set_points(trial, "rate_bps", rates, [](Sum s) { return quotient(s.bits, s.rated_s); });
  set_points(trial, "rate_hz", rates, [](Sum s) { return quotient(s.messages, s.counted_s); });
  set_points(trial, "rtt_ns", sent,
             [](Sum s) { return quotient(s.rtt_ns, static_cast<double>(s.rtts)); });
  set_points(trial, "cwnd_bytes", sent,
             [](Sum s) { return quotient(s.cwnd_bytes, static_cast<double>(s.cwnds)); });
  set_points(trial, "retransmits_hz", sent,
             [](Sum s) { return quotient(s.retransmits, s.sent_s); });
}

Direction direction_of(const TrialTable& trials, const std::string& case_name) {
  const auto& row = trials.rows()[trials.rows_of(case_name).front()];
  return {trials.text(row, "kind") == "throughput", trials.text(row, "reverse") == "true",
          trials.text(row, "bidirectional") == "true"};
}

}  // namespace

double for_picture(double value) {
  double rounded = value;
  const std::string text = fmt::format("{:.6g}", value);
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

std::vector<std::size_t> evenly_spread(std::size_t count, std::size_t limit) {
  std::vector<std::size_t> indices;
  const std::size_t taken = std::min(count, limit);
  for (std::size_t i = 0; i < taken; ++i)
    indices.push_back(taken == 1 ? 0 : i * (count - 1) / (taken - 1));
  return indices;
}

Json percentile_curve(const std::filesystem::path& hgrm) {
  std::ifstream in(hgrm);
  Json points = Json::array();
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    double value_us = 0, level = 0, count = 0;
    if (!(fields >> value_us >> level >> count)) continue;  // a heading or a comment
    const double inverse = level < 1 ? 1 / (1 - level) : count;
    if (!std::isfinite(value_us) || !(inverse >= 1)) continue;
    points.push_back({for_picture(inverse), for_picture(1000 * value_us)});
  }
  return points;
}

Json percentile_curves(const std::filesystem::path& run, const DrawnTrials& drawn) {
  Json curves = Json::array();
  for (const auto& [name, repetitions] : drawn)
    for (std::uint64_t repetition : repetitions) {
      const std::string file = trial_file_stem(name, repetition) + ".hgrm";
      Json points = percentile_curve(run / "histograms" / file);
      if (!points.empty())
        curves.push_back({{"case", name}, {"repetition", repetition}, {"points", points}});
    }
  return curves;
}

TimeSeries time_series(const std::filesystem::path& run, const TrialTable& trials,
                       const DrawnTrials& drawn) {
  TimeSeries series;
  const std::filesystem::path file = run / "intervals.csv";
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error) return series;
  series.is_too_large = size > kMaxIntervals;
  if (series.is_too_large) return series;
  for (const auto& [key, ends] : read_intervals(file, drawn)) {
    const std::size_t longest = std::max(ends.client.size(), ends.server.size());
    if (longest == 0) continue;
    const std::size_t merged = (longest + kMaxPoints - 1) / kMaxPoints;
    series.most_merged = std::max(series.most_merged, merged);
    Json trial = {{"case", key.first}, {"repetition", key.second}};
    set_series(trial, ends, merged, direction_of(trials, key.first));
    series.trials.push_back(std::move(trial));
  }
  return series;
}

}  // namespace pingperf
