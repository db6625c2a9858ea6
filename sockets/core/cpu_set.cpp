#include "sockets/core/cpu_set.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <numeric>
#include <stdexcept>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

constexpr std::string_view kNode = "node";

std::optional<unsigned> parse_cpu(std::string_view text) {
  unsigned cpu = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, cpu);
  if (error != std::errc() || rest != end || cpu > kMaxCpu) return std::nullopt;
  return cpu;
}

// An affinity mask for all CPUs that can be named.
using CpuMask = std::array<cpu_set_t, (kMaxCpu + 1) / CPU_SETSIZE>;

}  // namespace

std::optional<Cpus> parse_cpus(std::string_view text) {
  Cpus cpus;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view range = text.substr(0, comma);
    const std::size_t dash = range.find('-');
    const auto first = parse_cpu(range.substr(0, dash));
    const auto last = dash == range.npos ? first : parse_cpu(range.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
    if (comma == text.npos) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string to_text(const Cpus& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    const std::size_t first = i;
    while (i + 1 < cpus.size() && cpus[i + 1] == cpus[i] + 1) ++i;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[first]);
    if (i > first) text.append("-").append(std::to_string(cpus[i]));
  }
  return text;
}

std::optional<unsigned> parse_node(std::string_view text) {
  if (!text.starts_with(kNode)) return std::nullopt;
  return parse_cpu(text.substr(kNode.size()));
}

std::optional<std::string> normalized_pin(std::string_view text) {
  if (const auto node = parse_node(text)) return std::string(kNode) + std::to_string(*node);
  const auto cpus = parse_cpus(text);
  return cpus ? std::optional(to_text(*cpus)) : std::nullopt;
}

Cpus cpus_of_pin(std::string_view pin) {
  if (const auto cpus = parse_cpus(pin)) return *cpus;
  std::ifstream in("/sys/devices/system/node/" + std::string(pin) + "/cpulist");
  std::string list;
  if (!std::getline(in, list)) throw std::runtime_error("this host has no " + std::string(pin));
  const auto cpus = parse_cpus(list);
  if (!cpus) throw std::runtime_error(std::string(pin) + " of this host has no CPUs");
  return *cpus;
}

bool resolve_nodes(Options& options) {
  bool has_replaced = false;
  for (std::optional<std::string>* const pin : {&options.client_cpu, &options.server_cpu}) {
    if (!*pin || !parse_node(**pin)) continue;
    try {
      *pin = to_text(cpus_of_pin(**pin));
      has_replaced = true;
    } catch (const std::runtime_error&) {  // the end with this pin reports it
    }
  }
  return has_replaced;
}

Cpus allowed_cpus() {
  CpuMask mask{};
  check(::sched_getaffinity(0, sizeof mask, mask.data()), "sched_getaffinity");
  Cpus cpus;
  for (unsigned cpu = 0; cpu <= kMaxCpu; ++cpu)
    if (CPU_ISSET_S(cpu, sizeof mask, mask.data())) cpus.push_back(cpu);
  return cpus;
}

Cpus usable_cpus() {
  const Cpus before = allowed_cpus();
  Cpus all(kMaxCpu + 1);
  std::iota(all.begin(), all.end(), 0u);
  set_affinity(all);
  Cpus usable = allowed_cpus();
  set_affinity(before);
  return usable;
}

std::optional<std::string> why_unusable(const Cpus& cpus, const Cpus& usable) {
  if (std::ranges::includes(usable, cpus)) return std::nullopt;
  return std::string("pingperf may use CPU") + (usable.size() == 1 ? " " : "s ") + to_text(usable) +
         " of this host";
}

bool set_affinity(std::span<const unsigned> cpus) noexcept {
  CpuMask mask{};
  for (const unsigned cpu : cpus) CPU_SET_S(cpu, sizeof mask, mask.data());
  return ::sched_setaffinity(0, sizeof mask, mask.data()) == 0;
}

bool is_one_cpu(const std::optional<std::string>& pin) {
  return pin && std::all_of(pin->begin(), pin->end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool share_one_cpu(const Options& o) {
  return is_one_cpu(o.client_cpu) && o.client_cpu == o.server_cpu;
}

bool threads_share_a_cpu(const Options& o) {
  const auto client = o.client_cpu ? parse_cpus(*o.client_cpu) : std::nullopt;
  const auto server = o.server_cpu ? parse_cpus(*o.server_cpu) : std::nullopt;
  if (!client || !server) return false;
  const std::uint64_t streams = o.streams.value_or(1);
  const auto first = std::span(*client).first(std::min<std::size_t>(streams, client->size()));
  const auto last = std::span(*server).last(std::min<std::size_t>(streams, server->size()));
  return std::ranges::find_first_of(first, last) != first.end();
}

}  // namespace pingperf
