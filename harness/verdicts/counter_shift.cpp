#include "harness/verdicts/counter_shift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

namespace pingperf {
namespace {

// Returns "9", "1.6", "0.31" or "120".
std::string factor_text(double factor) {
  if (factor < 0.995) return fmt::format("{:.2g}", factor);
  if (factor < 1.995) return fmt::format("{:.3g}", factor);
  return factor < 9.95 ? fmt::format("{:.2g}", factor) : fmt::format("{:.0f}", factor);
}

// Returns a change: "41", "0.4" or "1 234 567".
std::string change_text(double change) {
  const bool is_whole = std::abs(change) >= 99.5 || change == std::round(change);
  std::string text = is_whole ? fmt::format("{:.0f}", change) : fmt::format("{:.2g}", change);
  if (is_whole)
    for (std::size_t at = text.size(); at > 3 + (text[0] == '-'); at -= 3) text.insert(at - 3, " ");
  return text;
}

// Splits "NET_RX cpu1" into the name and the number of the CPU.
std::pair<std::string_view, std::string_view> split_cpu(std::string_view name) {
  constexpr std::string_view kMark = " cpu";
  const std::size_t at = name.rfind(kMark);
  if (at == std::string_view::npos) return {name, {}};
  const std::string_view cpu = name.substr(at + kMark.size());
  if (cpu.empty() || cpu.find_first_not_of("0123456789") != std::string_view::npos)
    return {name, {}};
  return {name.substr(0, at), cpu};
}

// Returns true if the names of the source stand for themselves.
bool is_well_known(std::string_view source) {
  constexpr std::string_view kSources[] = {"snmp", "snmp6", "netstat", "tracepoint"};
  return std::ranges::find(kSources, source) != std::end(kSources);
}

// Returns a counter as "NET_RX softirqs on CPU 1 (server)".
std::string counter_text(const CounterId& counter) {
  const auto [name, cpu] = split_cpu(counter.name);
  std::string text(name);
  if (counter.source == "softirqs" || counter.source == "interrupts")
    text += " " + counter.source;
  else if (!is_well_known(counter.source))
    text = counter.source + " " + text;
  if (!cpu.empty()) text += fmt::format(" on CPU {}", cpu);
  if (counter.host != "both") text += fmt::format(" ({})", counter.host);
  return text;
}

std::string shift_text(const CounterShift& shift) {
  const std::string name = counter_text(shift.counter);
  if (!shift.ratio)
    return fmt::format("{} {} → {}{}", name, change_text(shift.before), change_text(shift.after),
                       shift.counter.source == "pressure" ? " s" : "");
  const bool has_unit = shift.unit != "second" && shift.unit != "trial";
  return fmt::format("{} ×{}{}{}", name, factor_text(*shift.ratio), has_unit ? " per " : "",
                     has_unit ? shift.unit : "");
}

nlohmann::ordered_json id_json(const CounterId& counter) {
  return {{"host", counter.host}, {"source", counter.source}, {"name", counter.name}};
}

}  // namespace

std::string counters_text(const std::vector<CounterShift>& counters, std::size_t limit) {
  std::string text;
  for (const CounterShift& shift : counters) {
    if (limit-- == 0) break;
    text += (text.empty() ? "" : ", ") + shift_text(shift);
  }
  return text;
}

nlohmann::ordered_json counters_json(const std::vector<CounterShift>& counters) {
  auto json = nlohmann::ordered_json::array();
  for (const CounterShift& shift : counters) {
    nlohmann::ordered_json& entry = json.emplace_back(id_json(shift.counter));
    entry["same"] = nlohmann::ordered_json::array();
    for (const CounterId& other : shift.same) entry["same"].push_back(id_json(other));
    entry["before"] = shift.before;
    entry["after"] = shift.after;
    entry["ratio"] = shift.ratio ? nlohmann::ordered_json(*shift.ratio) : nullptr;
    entry["unit"] = shift.unit;
    entry["q_value"] = shift.q_value;
  }
  return json;
}

}  // namespace pingperf
