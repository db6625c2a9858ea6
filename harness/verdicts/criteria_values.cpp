#include "harness/verdicts/criteria_values.h"

#include <fmt/format.h>

#include "harness/base/parse_number.h"
#include "harness/base/units.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/results/columns.h"

namespace pingperf {

const Node& required(const Node& node, std::string_view key, std::string_view where) {
  const Node* const value = node.find(key);
  if (!value) fail_at(node.mark, fmt::format("{} has no {}", where, key));
  return *value;
}

std::string read_metric(const Node& node) {
  const std::string& text = read_text(node, "metric");
  if (find_metric(text)) return text;
  fail_at(node.mark, unknown_metric(text));
}

bool may_have(Kind kind, const std::string& metric) {
  const MeasuredBy by = find_metric(metric)->measured_by;
  return by == MeasuredBy::any || (by == MeasuredBy::transfers) == (kind == Kind::throughput);
}

std::string_view kinds_with(const Metric& metric) {
  return metric.measured_by == MeasuredBy::transfers ? "kind throughput"
                                                     : "kinds latency and connect";
}

double read_number(const Node& node, std::string_view what) {
  const std::string& text = read_text(node, what);
  if (const auto percent = parse_percent(text)) return *percent;
  const auto value = parse_number<double>(text);
  if (!value || !(*value >= 0 && *value < 1e18))
    fail_at(node.mark, fmt::format("{}: '{}' is not a number: write e.g. 0.95 or 95%", what, text));
  return *value;
}

double read_bound(const Node& node, std::string_view what, const std::string& metric) {
  const std::string& text = read_text(node, what);
  const auto checked = [&](auto value, const std::string& suggestion) -> double {
    if (!value)
      fail_at(node.mark,
              fmt::format("{}: '{}' is no value of {}{}", what, text, metric, suggestion));
    return static_cast<double>(*value);
  };
  if (metric.ends_with("_bps"))
    return checked(parse_rate(text), suggest_rate(text, "100mbit or 1.5Gbit"));
  if (metric.ends_with("_ns"))
    return checked(parse_duration(text), suggest_duration(text, "200us or 5ms"));
  if (metric.ends_with("_bytes"))
    return checked(parse_size(text), suggest_size(text, "64KiB or 1MB"));
  if (metric.ends_with("_hz"))
    return checked(parse_frequency(text), suggest_frequency(text, "5000 or 5kHz"));
  return read_number(node, what);
}

bool read_entry_keys(const Node& node, std::string_view where, std::string& metric,
                     ErrorList& errors) {
  const std::string_view section = where == "compare" ? "compare" : "gate";
  const bool are_right = errors.attempt([&] { check_keys(node, where, keys_of(section)); });
  if (are_right || node.find("metric"))
    errors.attempt([&] { metric = read_metric(required(node, "metric", where)); });
  return are_right;
}

}  // namespace pingperf
