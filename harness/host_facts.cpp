#include "harness/host_facts.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

#include "harness/iperf3.h"
#include "harness/version.h"

namespace pingperf {
namespace {

using Json = nlohmann::json;

// One-line files of the kernel, each a fact.
struct FactFile {
  const char* fact;
  const char* path;
};

constexpr FactFile kFactFiles[] = {
    {"boot_id", "/proc/sys/kernel/random/boot_id"},
    {"clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource"},
    {"governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"},
    {"congestion_control", "/proc/sys/net/ipv4/tcp_congestion_control"},
    {"rmem_default", "/proc/sys/net/core/rmem_default"},
    {"rmem_max", "/proc/sys/net/core/rmem_max"},
    {"wmem_default", "/proc/sys/net/core/wmem_default"},
    {"wmem_max", "/proc/sys/net/core/wmem_max"},
    {"tcp_rmem", "/proc/sys/net/ipv4/tcp_rmem"},
    {"tcp_wmem", "/proc/sys/net/ipv4/tcp_wmem"},
    {"lo_mtu", "/sys/class/net/lo/mtu"},
};

// A number where the text is one, so that readers need not guess.
Json fact(std::string_view text) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && rest == text.data() + text.size()) return number;
  return text;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const std::size_t colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "";
}

void put(Json& facts, const char* name, std::string_view text) {
  if (!text.empty()) facts[name] = fact(text);
}

}  // namespace

Json host_facts() {
  Json facts = Json::object();
  if (utsname host; ::uname(&host) == 0) {
    facts["hostname"] = host.nodename;
    facts["kernel"] = std::string(host.sysname) + " " + host.release;
    facts["machine"] = host.machine;
  }
  if (const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN); cpus > 0) facts["cpus"] = cpus;
  put(facts, "cpu_model", cpu_model());
  for (const FactFile& source : kFactFiles) {
    std::ifstream file(source.path);
    std::string line;
    if (std::getline(file, line)) put(facts, source.fact, line);
  }
  facts["pingperf"] = version();
  put(facts, "git", git_commit());
  put(facts, "compiler", compiler());
  put(facts, "build_type", build_type());
  put(facts, "libiperf", libiperf_version());
  return facts;
}

}  // namespace pingperf
