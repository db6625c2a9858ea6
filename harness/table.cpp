#include "harness/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/columns.h"
#include "harness/statistics.h"
#include "harness/units.h"

namespace pingperf {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kMostRemarks = 5;

struct Heading {
  std::string_view metric;
  std::string_view title;
};

// What a person wants to see first of each kind of workload. A metric that no case has is left out.
std::vector<Heading> headings(Kind kind) {
  if (kind == Kind::throughput)
    return {{"throughput_bps", "goodput"},
            {"retransmits", "retrans"},
            {"loss_ratio", "loss"},
            {"cpu_s_per_gb", "CPU s/GB"}};
  return {{"rtt_p50_ns", "p50"},         {"rtt_p99_ns", "p99"}, {"rtt_naive_p99_ns", "naive p99"},
          {"rtt_max_ns", "max"},         {"rate_hz", "rate"},   {"lost", "lost"},
          {"fairness_index", "fairness"}};
}

// What a round trip is made of, where that was measured: medians of the trials' medians.
const std::vector<Heading> kKernelParts = {{"app_to_kernel_p50_ns", "app to kernel"},
                                           {"kernel_to_kernel_p50_ns", "kernels"},
                                           {"turnaround_p50_ns", "turnaround"},
                                           {"kernel_to_app_p50_ns", "kernel to app"}};
const std::vector<Heading> kConnectParts = {
    {"connect_p50_ns", "connect"}, {"first_byte_p50_ns", "first byte"}, {"close_p50_ns", "close"}};

std::vector<double> values_of(const TrialTable& trials, const std::string& name,
                              std::string_view metric) {
  std::vector<double> values;
  for (const auto& [block, value] : trials.values(name, metric)) values.push_back(value);
  return values;
}

// Half the range of the trials, as a share of their median: "±3%".
std::string spread(const std::vector<double>& values) {
  if (values.size() < 2) return "";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double center = median(values);
  if (center == 0) return "";
  return fmt::format("±{:.0f}%", 50 * (*high - *low) / center);
}

std::string cell(const TrialTable& trials, const std::string& name, std::string_view metric) {
  const std::vector<double> values = values_of(trials, name, metric);
  return values.empty() ? "-" : human_metric(metric, median(values));
}

std::string ok_count(const TrialTable& trials, const std::string& name) {
  const auto& rows = trials.rows_of(name);
  const auto ok = std::count_if(rows.begin(), rows.end(), [&](std::size_t i) {
    return trials.text(trials.rows()[i], "status") == "ok";
  });
  return fmt::format("{}/{}", ok, rows.size());
}

std::vector<std::string> cases_of_kind(const TrialTable& trials, const std::vector<Case>& all,
                                       Kind kind) {
  std::vector<std::string> cases;
  for (const Case& c : all)
    if (c.options.kind == kind && !trials.rows_of(c.name).empty()) cases.push_back(c.name);
  return cases;
}

std::string kind_table(const TrialTable& trials, const std::vector<Case>& all, Kind kind,
                       const Style& style) {
  const std::vector<std::string> cases = cases_of_kind(trials, all, kind);
  if (cases.empty()) return "";
  std::vector<Heading> shown = headings(kind);
  std::erase_if(shown, [&](const Heading& h) {
    return std::all_of(cases.begin(), cases.end(), [&](const std::string& name) {
      const std::vector<double> values = values_of(trials, name, h.metric);
      const bool all_zero =
          std::all_of(values.begin(), values.end(), [](double v) { return v == 0; });
      return values.empty() || (h.metric == "lost" && all_zero);
    });
  });
  std::vector<std::string> header{std::string(name(kind)), "ok"};
  for (const Heading& h : shown) {
    header.emplace_back(h.title);
    if (&h == &shown.front()) header.emplace_back("");  // the spread of the first
  }
  TextTable table(header);
  for (const std::string& name : cases) {
    std::vector<std::string> row{name, ok_count(trials, name)};
    for (const Heading& h : shown) {
      row.push_back(cell(trials, name, h.metric));
      if (&h == &shown.front()) row.push_back(spread(values_of(trials, name, h.metric)));
    }
    table.add(std::move(row));
  }
  return table.to_string(style) + "\n";
}

// Of the cases in which these parts were measured; empty when there is none.
std::string parts_table(const TrialTable& trials, const std::vector<Case>& all,
                        const std::vector<Heading>& parts, const Style& style) {
  std::vector<std::string> header{"of the round trip, p50"};
  for (const Heading& part : parts) header.emplace_back(part.title);
  TextTable table(header);
  bool any = false;
  for (const Case& c : all) {
    if (trials.rows_of(c.name).empty() || values_of(trials, c.name, parts[0].metric).empty())
      continue;
    std::vector<std::string> row{c.name};
    for (const Heading& part : parts) row.push_back(cell(trials, c.name, part.metric));
    table.add(std::move(row));
    any = true;
  }
  return any ? table.to_string(style) + "\n" : "";
}

// The first rows that have something in `column`, each with it; then how many more.
template <typename Wanted>
std::string remarks(const TrialTable& trials, std::string_view column, Wanted wanted) {
  std::string text;
  std::size_t count = 0;
  for (const auto& row : trials.rows()) {
    if (!wanted(row) || ++count > kMostRemarks) continue;
    text += fmt::format("{} {} #{}: {}\n", trials.text(row, "status"), trials.text(row, "case"),
                        trials.text(row, "repetition"), trials.text(row, column));
  }
  if (count > kMostRemarks) text += fmt::format("and {} more\n", count - kMostRemarks);
  return text.empty() ? text : "\n" + text;
}

// What the pairs could have found, and what would settle the rest: silence is no proof.
std::string power_text(const std::vector<ComparisonRow>& rows) {
  double largest = 0;
  std::size_t more = 0, fewest = SIZE_MAX;
  for (const ComparisonRow& row : rows) {
    largest = std::max(largest, row.detectable_ratio.value_or(0));
    more = std::max(more, row.more_repetitions.value_or(0));
    fewest = std::min(fewest, row.n);
  }
  std::string text;
  if (fewest < 6)
    return "Fewer than 6 pairs: no 95% interval, no verdict (--set plan.repetitions=10).\n";
  if (largest > 1)
    text +=
        fmt::format("So many pairs find a change of {:.0f}% or more in every row (95% power).\n",
                    100 * (largest - 1));
  if (more > 0)
    text += fmt::format("About {} more repetitions would settle what is inconclusive.\n", more);
  return text;
}

std::vector<std::string> baselines_of(const std::vector<ComparisonRow>& rows) {
  std::vector<std::string> baselines;
  for (const ComparisonRow& row : rows)
    if (std::find(baselines.begin(), baselines.end(), row.baseline) == baselines.end())
      baselines.push_back(row.baseline);
  return baselines;
}

bool begins_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// The byte at which the code point of that number, from 0, begins.
std::size_t offset_of(std::string_view text, std::size_t number) {
  std::size_t at = 0;
  while (at < text.size() && !(begins_code_point(text[at]) && number-- == 0)) ++at;
  return at;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}

std::string shorten(const std::string& text, std::size_t width) {
  const std::size_t whole = display_width(text);
  if (whole <= width || width < 5) return text;
  const std::size_t tail = (width - 1) * 2 / 3, head = width - 1 - tail;  // the end tells most
  return text.substr(0, offset_of(text, head)) + "…" + text.substr(offset_of(text, whole - tail));
}

std::string TextTable::to_string(const Style& style) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  std::size_t others = 0;
  for (std::size_t i = 1; i < widths.size(); ++i) others += widths[i] + kGap;
  if (widths[0] + others > style.width)
    widths[0] = style.width > others + 12 ? style.width - others : 12;

  std::string text;
  for (const auto& row : rows_) {
    std::string line = shorten(row[0], widths[0]);
    line.append(widths[0] - std::min(widths[0], display_width(line)), ' ');
    for (std::size_t i = 1; i < row.size(); ++i) {
      line.append(kGap + widths[i] - display_width(row[i]), ' ');
      line += row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += style.bold && &row == &rows_.front() ? "\x1b[1m" + line + "\x1b[0m\n" : line + "\n";
  }
  return text;
}

std::string results_table(const TrialTable& trials, const std::vector<Case>& cases,
                          const Style& style) {
  std::string text;
  for (Kind kind : {Kind::throughput, Kind::latency, Kind::connect})
    text += kind_table(trials, cases, kind, style);
  for (const auto& parts : {kKernelParts, kConnectParts})
    text += parts_table(trials, cases, parts, style);
  const auto is_ok = [&](const auto& row) { return trials.text(row, "status") == "ok"; };
  if (std::any_of(trials.rows().begin(), trials.rows().end(), is_ok))
    text += "Medians of the ok trials; ± is half their range.\n";
  text += remarks(trials, "error", [&](const auto& row) { return !is_ok(row); });
  text += remarks(trials, "quality",
                  [&](const auto& row) { return !trials.text(row, "quality").empty(); });
  return text;
}

std::string comparisons_table(const std::vector<ComparisonRow>& rows, const Style& style) {
  std::string text;
  for (const std::string& baseline : baselines_of(rows)) {
    TextTable part({"to " + baseline, "metric", "ratio", "95% interval", "pairs", "verdict"});
    for (const ComparisonRow& row : rows)
      if (row.baseline == baseline)
        part.add({row.case_name, row.metric, row.ratio ? fmt::format("{:.2f}", *row.ratio) : "-",
                  row.ci_low ? fmt::format("{:.2f}..{:.2f}", *row.ci_low, *row.ci_high) : "-",
                  std::to_string(row.n), row.verdict});
    text += part.to_string(style) + "\n";
    for (const ComparisonRow& row : rows)
      for (const std::string& remark : {row.note, row.remark})
        if (row.baseline == baseline && !remark.empty())
          text += fmt::format("{}: {}\n", row.case_name, remark);
  }
  return text + power_text(rows);
}

std::string human_metric(std::string_view metric, double value) {
  if (metric.ends_with("_bps")) return human_rate(value);
  if (metric.ends_with("_ns")) return human_duration(value);
  if (metric.ends_with("_bytes")) return human_size(value);
  if (metric.ends_with("_hz")) return human_frequency(value);
  if (metric.ends_with("loss_ratio")) return fmt::format("{:.2f}%", 100 * value);
  if (metric.ends_with("_s_per_gb")) return fmt::format("{:.3f}", value);
  return fmt::format("{:.6g}", value);
}

}  // namespace pingperf
