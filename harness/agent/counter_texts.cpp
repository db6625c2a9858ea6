#include "harness/agent/counter_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "harness/base/parse_number.h"

namespace pingperf {
namespace {

constexpr std::string_view kBlanks = " \t";

// Takes the first line from `text`, without its newline.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Takes the first word from `line`; empty if there is none.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> count(std::string_view word) {
  return parse_number<std::uint64_t>(word);
}

class Parser {
 public:
  Parser(bool per_cpu, std::string_view prefix) : per_cpu_(per_cpu), prefix_(prefix) {}

  void add(std::string name, std::optional<std::uint64_t> value) {
    if (value) values_[std::string(prefix_) + std::move(name)] += *value;
  }

  // "Tcp: RtoMin InSegs" and "Tcp: 200 17" (proc_net(5))
  void read_pairs_of_lines(std::string_view text) {
    while (!text.empty()) {
      std::string_view names = take_line(text), numbers = take_line(text);
      std::string_view group = take_word(names);
      if (!group.ends_with(':') || take_word(numbers) != group) continue;
      group.remove_suffix(1);
      for (;;) {
        const std::string_view name = take_word(names), number = take_word(numbers);
        if (name.empty() || number.empty()) break;
        if (!is_setting(name)) add(fmt::format("{}.{}", group, name), count(number));
      }
    }
  }

  // "Udp6InDatagrams 17"
  void read_names(std::string_view text) {
    while (!text.empty()) {
      std::string_view line = take_line(text);
      const std::string_view name = take_word(line);
      add(std::string(name), count(take_word(line)));
    }
  }

  // One line per CPU of hexadecimal numbers of 32 bits; the CPU is the 13th (since 5.10).
  void read_softnet_stat(std::string_view text) {
    struct Field {
      std::size_t index;
      std::string_view name;  // in the kernel's struct softnet_data
    };
    static constexpr Field kFields[] = {{0, "processed"},
                                        {1, "dropped"},
                                        {2, "time_squeeze"},
                                        {9, "received_rps"},
                                        {10, "flow_limit_count"}};
    for (std::uint32_t number = 0; !text.empty(); ++number) {
      std::string_view line = take_line(text);
      std::array<std::optional<std::uint32_t>, 13> columns;
      for (auto& column : columns) column = parse_number<std::uint32_t>(take_word(line), 16);
      const std::uint32_t cpu = columns.back().value_or(number);
      for (const Field& field : kFields)
        add(fmt::format("{} cpu{}", field.name, cpu), columns[field.index]);
    }
  }

  // A header of CPUs. Then the kind, one number per CPU, and for interrupts a description.
  void read_table_of_cpus(std::string_view text) {
    std::string_view header = take_line(text);
    std::vector<std::string> cpus;
    for (std::string_view word; !(word = take_word(header)).empty();) {
      if (!word.starts_with("CPU")) return;
      cpus.push_back(fmt::format("cpu{}", word.substr(3)));
    }
    while (!text.empty()) {
      std::string_view line = take_line(text);
      std::string_view kind = take_word(line);
      if (!kind.ends_with(':')) continue;
      kind.remove_suffix(1);
      std::vector<std::uint64_t> numbers;
      while (numbers.size() < cpus.size()) {
        std::string_view rest = line;
        const auto number = count(take_word(rest));
        if (!number) break;
        numbers.push_back(*number);
        line = rest;
      }
      add_kind(kind_of(kind, line), cpus, numbers);
    }
  }

  void add_kind(std::string_view kind, const std::vector<std::string>& cpus,
                const std::vector<std::uint64_t>& numbers) {
    const bool one_per_cpu = per_cpu_ || kind == "NET_RX" || kind == "NET_TX";
    for (std::size_t i = 0; i < numbers.size(); ++i)
      add(one_per_cpu ? fmt::format("{} {}", kind, cpus[i]) : std::string(kind), numbers[i]);
  }

  // "cpu0 3 0 7 …" in ticks (proc_stat(5)), "ctxt 9", "processes 4"
  void read_stat(std::string_view text) {
    static constexpr std::string_view kStates[] = {"user",   "nice", "system",  "idle",
                                                   "iowait", "irq",  "softirq", "steal"};
    while (!text.empty()) {
      std::string_view line = take_line(text);
      const std::string_view what = take_word(line);
      if (what == "ctxt" || what == "processes") add(std::string(what), count(take_word(line)));
      if (!what.starts_with("cpu") || what == "cpu") continue;
      for (const std::string_view state : kStates)
        add(fmt::format("{} {}", state, what), count(take_word(line)));
    }
  }

  // "some avg10=0.00 … total=17"
  void read_pressure(std::string_view text) {
    while (!text.empty()) {
      std::string_view line = take_line(text);
      const std::string_view kind = take_word(line);
      const std::size_t total = line.find("total=");
      if (total != line.npos) add(std::string(kind), count(line.substr(total + 6)));
    }
  }

  CounterValues take() { return std::move(values_); }

 private:
  // Returns true for the columns that are no counters.
  static bool is_setting(std::string_view name) {
    static constexpr std::string_view kSettings[] = {
        "Forwarding", "DefaultTTL", "RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab"};
    return std::ranges::find(kSettings, name) != std::end(kSettings);
  }

  // Returns the name of a row: "LOC", or for a numbered interrupt its device, which follows the
  // last two blanks. The number is the name if there is no device.
  static std::string_view kind_of(std::string_view kind, std::string_view description) {
    if (!count(kind)) return kind;
    const std::size_t last = description.find_last_not_of(kBlanks);
    if (last == description.npos) return kind;
    description = description.substr(0, last + 1);
    const std::size_t gap = description.rfind("  ");
    return gap == description.npos ? kind : description.substr(gap + 2);
  }

  bool per_cpu_;
  std::string_view prefix_;
  CounterValues values_;
};

}  // namespace

CounterValues parse_counters(CounterSource source, std::string_view text, bool per_cpu,
                             std::string_view prefix) {
  Parser parser(per_cpu, prefix);
  using enum CounterSource;
  switch (source) {
    case snmp:
    case netstat:
      parser.read_pairs_of_lines(text);
      break;
    case snmp6:
      parser.read_names(text);
      break;
    case softnet_stat:
      parser.read_softnet_stat(text);
      break;
    case interrupts:
    case softirqs:
      parser.read_table_of_cpus(text);
      break;
    case stat:
      parser.read_stat(text);
      break;
    case pressure:
      parser.read_pressure(text);
      break;
    case ethtool:  // these have no text
    case tracepoint:
    case socket:
      break;
  }
  return parser.take();
}

std::int64_t difference(CounterSource source, std::uint64_t before, std::uint64_t after) {
  using enum CounterSource;
  if (source == interrupts || source == softirqs || source == softnet_stat)
    return static_cast<std::uint32_t>(after - before);
  constexpr std::uint64_t kWrap = 1ull << 32;
  if (after < before && before < kWrap && before - after > kWrap / 2) after += kWrap;
  return static_cast<std::int64_t>(after - before);
}

std::vector<CounterChange> changes_between(CounterSource source, const CounterValues& before,
                                           const CounterValues& after) {
  const double unit = source == CounterSource::pressure ? 1e-6 : 1;
  std::vector<CounterChange> changes;
  for (const auto& [name, value] : after) {
    const auto found = before.find(name);
    const std::int64_t delta = difference(source, found == before.end() ? 0 : found->second, value);
    if (delta != 0)
      changes.push_back(
          {.source = source, .name = name, .difference = static_cast<double>(delta) * unit});
  }
  return changes;
}

}  // namespace pingperf
