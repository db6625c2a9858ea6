#include "harness/experiment/search_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "harness/base/suggest.h"
#include "harness/base/units.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"

namespace pingperf {
namespace {

constexpr double kMinPrecision = 0.001, kMaxPrecision = 0.2;

const Node& required_key(const Node& search, std::string_view key, std::string_view example) {
  if (const Node* const node = search.find(key)) return *node;
  fail_at(search.mark, fmt::format("search has no {}: add e.g. {}", key, example));
}

const Parameter& read_searched_parameter(const Node& node) {
  const auto& known = find_key("search", "parameter").choices;
  const std::string& text = read_text(node, "parameter");
  if (std::ranges::find(known, text) == known.end())
    fail_at(node.mark, fmt::format("search: cannot vary '{}'{}", text, suggest(text, known)));
  return *find_parameter(text);
}

double read_value(const Node& node, const Search& search) {
  Options options;
  assign(options, std::string(search.parameter->name), node);
  return searched_value(options, search);
}

double read_precision(const Node& node) {
  const auto precision = parse_percent(read_text(node, "precision"));
  if (!precision || *precision < kMinPrecision || *precision > kMaxPrecision)
    fail_at(node.mark,
            fmt::format("precision: '{}' is not from 0.1% to 20%: it is half the interval's width "
                        "as a share of the estimate",
                        node.scalar));
  return *precision;
}

}  // namespace

Search read_search(const Node& node) {
  check_keys(node, "search", keys_of("search"));
  Search search;
  search.parameter = &read_searched_parameter(required_key(node, "parameter", "parameter: rate"));
  const Node& from = required_key(node, "from", "from: 10mbit");
  const Node& to = required_key(node, "to", "to: 10gbit");
  const Node& keep = required_key(node, "keep", "keep: {loss_ratio: 0}");
  ErrorList errors;
  errors.attempt([&] { search.from = read_value(from, search); });
  errors.attempt([&] { search.to = read_value(to, search); });
  if (errors.empty() && search.from >= search.to)
    errors.add_at(to.mark,
                  fmt::format("search: to ({}) must be above from ({})", to.scalar, from.scalar));
  if (keep.type != Node::Type::map || keep.entries.empty())
    errors.add_at(keep.mark, "keep must be a map of metrics and bounds, e.g. {loss_ratio: 0.1%}");
  errors.read_key(node, "precision", [&](const Node& n) { search.precision = read_precision(n); });
  errors.read_key(node, "trials",
                  [&](const Node& n) { search.trials = read_key_count(n, "search", "trials"); });
  errors.throw_if_any();
  return search;
}

void refuse_search(const Node& map, std::string_view what) {
  for (const Node::Entry& entry : map.entries)
    if (entry.key == "search")
      fail_at(entry.mark, fmt::format("search stands in a workload, not in {}", what));
}

void set_searched(Options& options, const Search& search, double value) {
  std::visit(
      [&](auto field) {
        using Value = typename std::remove_reference_t<decltype(options.*field)>::value_type;
        if constexpr (std::is_same_v<Value, std::uint64_t>)
          options.*field = static_cast<std::uint64_t>(std::llround(value));
        else if constexpr (std::is_same_v<Value, double>)
          options.*field = value;
      },
      search.parameter->field);
}

double searched_value(const Options& options, const Search& search) {
  return std::visit(
      [&](auto field) -> double {
        using Value = typename std::remove_reference_t<decltype(options.*field)>::value_type;
        if constexpr (std::is_arithmetic_v<Value>) return static_cast<double>(*(options.*field));
        return 0;
      },
      search.parameter->field);
}

}  // namespace pingperf
