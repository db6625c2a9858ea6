#include "harness/agent/host_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "harness/agent/group_limits.h"
#include "harness/base/io.h"
#include "harness/base/json.h"
#include "harness/base/parse_number.h"
#include "harness/base/version.h"
#include "harness/engines/libiperf.h"
#include "sockets/core/cpu_set.h"
#include "sockets/core/fd.h"

namespace pingperf {
namespace {

// A fact that the kernel has in a one-line file.
struct FactFile {
  const char* fact;
  const char* path;
};

constexpr FactFile kFactFiles[] = {
    {"boot_id", "/proc/sys/kernel/random/boot_id"},
    {"clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource"},
    {"clocksources", "/sys/devices/system/clocksource/clocksource0/available_clocksource"},
    {"congestion_control", "/proc/sys/net/ipv4/tcp_congestion_control"},
    {"rmem_default", "/proc/sys/net/core/rmem_default"},
    {"rmem_max", "/proc/sys/net/core/rmem_max"},
    {"wmem_default", "/proc/sys/net/core/wmem_default"},
    {"wmem_max", "/proc/sys/net/core/wmem_max"},
    {"tcp_rmem", "/proc/sys/net/ipv4/tcp_rmem"},
    {"tcp_wmem", "/proc/sys/net/ipv4/tcp_wmem"},
    {"lo_mtu", "/sys/class/net/lo/mtu"},
};

constexpr const char* kOwnStatus = "/proc/self/status";

// Returns a JSON number if the text is a whole number, else a string.
Json fact(std::string_view text) {
  if (const auto number = parse_number<std::int64_t>(text)) return *number;
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

// Returns the first line of a file, with blanks instead of the tabs between its values.
std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::ranges::replace(line, '\t', ' ');
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

// Returns the distinct governors of all CPUs: "performance", or "performance powersave".
std::string governors() {
  std::set<std::string> names;
  for (long cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_CONF); ++cpu)
    names.insert(
        first_line(fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", cpu)));
  names.erase("");
  return fmt::format("{}", fmt::join(names, " "));
}

// Returns true if the CPUs may exceed their rated frequency.
std::optional<bool> turbo() {
  if (const auto text = first_line("/sys/devices/system/cpu/intel_pstate/no_turbo"); !text.empty())
    return text == "0";
  if (const auto text = first_line("/sys/devices/system/cpu/cpufreq/boost"); !text.empty())
    return text == "1";
  return std::nullopt;
}

// Returns the capabilities of this process that some options require.
Json capabilities() {
  Json names = Json::array();
  for (const auto& [name, capability] : {std::pair{"CAP_BPF", CAP_BPF},
                                         {"CAP_NET_ADMIN", CAP_NET_ADMIN},
                                         {"CAP_NET_RAW", CAP_NET_RAW}})
    if (has_capability(capability)) names.push_back(name);
  return names;
}

// An environment variable of a scheduler that is a fact.
struct FactVariable {
  const char* fact;
  const char* variable;
};

constexpr FactVariable kFactVariables[] = {
    {"slurm_job", "SLURM_JOB_ID"},
    {"slurm_partition", "SLURM_JOB_PARTITION"},
    {"slurm_nodes", "SLURM_JOB_NODELIST"},
    {"slurm_cpus_per_task", "SLURM_CPUS_PER_TASK"},
};

// Returns the kind of container that this process runs in; "" if none is known.
std::string container() {
  if (std::getenv("KUBERNETES_SERVICE_HOST") != nullptr) return "kubernetes";
  if (::access("/run/.containerenv", F_OK) == 0) return "podman";
  if (::access("/.dockerenv", F_OK) == 0) return "docker";
  return "";
}

void put(Json& facts, const char* name, std::string_view text) {
  if (!text.empty()) facts[name] = fact(text);
}

}  // namespace

bool has_capability(int capability) {
  const auto bits = parse_number<std::uint64_t>(value_of_key(kOwnStatus, "CapEff"), 16);
  return (bits.value_or(0) >> capability & 1) != 0;
}

std::string host_facts() {
  Json facts = Json::object();
  if (utsname host; ::uname(&host) == 0) {
    facts["hostname"] = host.nodename;
    facts["kernel"] = std::string(host.sysname) + " " + host.release;
    facts["machine"] = host.machine;
  }
  if (const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN); cpus > 0) facts["cpus"] = cpus;
  put(facts, "cpu_model", cpu_model());
  facts["cpus_allowed"] =
      value_of_key(kOwnStatus, "Cpus_allowed_list");  // a string even for one CPU
  facts["cpus_usable"] = to_text(usable_cpus());      // for pins
  if (const auto quota = cpu_quota(read_file("/proc/self/cgroup").value_or("")))
    facts["cpu_quota"] = *quota;
  put(facts, "governor", governors());
  if (const auto on = turbo()) facts["turbo"] = *on;
  facts["capabilities"] = capabilities();
  for (const FactFile& source : kFactFiles) put(facts, source.fact, first_line(source.path));
  put(facts, "container", container());
  for (const FactVariable& source : kFactVariables)
    if (const char* const value = std::getenv(source.variable)) put(facts, source.fact, value);
  facts["pingperf"] = version();
  put(facts, "git", git_commit());
  put(facts, "compiler", compiler());
  put(facts, "build_type", build_type());
  put(facts, "libiperf", libiperf_version());
  return json_line(facts);
}

std::string network_namespace() {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  const Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (any && ::getsockopt(any.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0)
    return std::to_string(cookie);
  struct stat status {};  // the kernel may give the inode to a later namespace again
  return ::stat("/proc/self/ns/net", &status) == 0 ? fmt::format("inode{}", status.st_ino) : "";
}

}  // namespace pingperf
