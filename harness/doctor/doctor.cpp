#include "harness/doctor/doctor.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "harness/base/counted.h"
#include "harness/base/json.h"
#include "harness/base/units.h"
#include "harness/base/version.h"
#include "harness/results/warnings.h"
#include "sockets/core/cpu_set.h"

namespace pingperf {
namespace {

constexpr double kSpoilingLoad = 0.25;  // share of the CPUs that other programs use before a run
constexpr double kSlowClock_ns = 100;   // a round trip has two clock reads and takes some µs
constexpr std::uint64_t kFairBuffer = 4 << 20;  // bytes; smaller buffers lose bursts of datagrams
constexpr std::pair<int, int> kThreadedIperf3 = {3, 16};

using Names = std::vector<std::string>;

bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Returns the CPUs that the agent may use, none if the host does not know.
Cpus cpus_in(const std::optional<std::string>& list) {
  return list ? parse_cpus(*list).value_or(Cpus{}) : Cpus{};
}

// Returns {3, 12} for "3.12".
std::optional<std::pair<int, int>> version_in(const std::string& text) {
  std::pair<int, int> version;
  char dot = 0;
  std::istringstream in(text);
  if (in >> version.first >> dot >> version.second && dot == '.') return version;
  return std::nullopt;
}

std::string percent(double share) {
  return fmt::format("{:.0f}%", 100 * share);
}

class Judge {
 public:
  Judge(const Json& facts, const std::optional<HostRequirements>& requirements)
      : facts_(facts), requirements_(requirements) {}

  std::vector<Finding> findings() {
    judge_build();
    judge_frequency();
    judge_cpus();
    judge_slurm();
    judge_commit();
    judge_disturbance();
    judge_clock();
    judge_buffers();
    judge_capabilities();
    judge_qdiscs();
    judge_stamps();
    judge_libiperf();
    judge_labs();
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(findings_);
  }

 private:
  void add(const char* subject, bool serious, std::string what, const char* why, std::string remedy,
           bool stops_run = false) {
    findings_.push_back({subject, serious ? Severity::serious : Severity::note, std::move(what),
                         why, std::move(remedy), stops_run});
  }

  // Returns a fact, or nothing if it is missing or has another type.
  template <typename T>
  std::optional<T> fact(const char* name) const try {
    return facts_.at(name).get<T>();
  } catch (const Json::exception&) {
    return std::nullopt;
  }

  // Adds a missing feature: serious if the experiment needs it. Leaves it out if it does not.
  void add_missing(const char* subject, bool needed, std::string what, const char* why,
                   std::string remedy) {
    if (!requirements_ || needed) add(subject, needed, std::move(what), why, std::move(remedy));
  }

  bool needs(bool HostRequirements::*what) const { return requirements_ && *requirements_.*what; }
  bool needs_qdisc(const char* name) const {
    return requirements_ && requirements_->qdiscs.contains(name);
  }

  void judge_build() {
    if (const auto type = fact<std::string>("build_type"); type == "Debug")
      add("build", true, "this pingperf is a Debug build",
          "Its loops are several times slower than those of a release build.",
          "cmake --preset release && cmake --build --preset release");
  }

  void judge_frequency() {
    const auto governor = fact<std::string>("governor");
    if (governor && *governor != "performance" && *governor != "userspace")
      add("governor", true, fmt::format("the CPU governor is {}", *governor),
          "The clock of the CPUs follows the load. A ping that waits wakes a slow CPU, and the "
          "first "
          "trial after a pause differs from the next.",
          "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
    if (fact<bool>("turbo").value_or(false))
      add("turbo", false, "the CPUs may exceed their rated frequency (turbo)",
          "The frequency depends on heat and on the load of other CPUs, so rates drift within a "
          "run. "
          "Pairs of one block drift together. Single figures of different days do not compare.",
          "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo, or "
          "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost");
  }

  void judge_cpus() {
    const std::string list = fact<std::string>("cpus_allowed").value_or("");
    const std::string for_pins = fact<std::string>("cpus_usable").value_or(list);
    const Cpus usable = cpus_in(for_pins);
    const bool has_pins = requirements_ && !requirements_->pins.empty();
    const Cpus cpus = has_pins ? usable : cpus_in(list);
    if (!usable.empty() && requirements_)
      for (const std::string& pin : requirements_->pins)
        if (const auto set = parse_cpus(pin); set && !std::ranges::includes(usable, *set))
          add("cpus", true,
              fmt::format("pin: {} is not one that pingperf may use: {}",
                          is_one_cpu(pin) ? "CPU " + pin : "a CPU of " + pin, for_pins),
              "Trials that pin to it fail.", fmt::format("pin to some of {}", for_pins), true);
    if (!cpus.empty() && requirements_ && requirements_->threads > cpus.size())
      add("cpus", requirements_->spinning > cpus.size(),
          fmt::format("{} threads of the experiment share {}", requirements_->threads,
                      counted(cpus.size(), "CPU")),
          "Ends that share a CPU wait for each other. An end that spins delays the other for whole "
          "scheduler slices.",
          "fewer threads, or a machine with more CPUs", requirements_->spinning > cpus.size());
    else if (!cpus.empty() && cpus.size() <= 2 && !requirements_)
      add("cpus", false,
          fmt::format("{} for both ends, the kernel and all other programs",
                      counted(cpus.size(), "CPU")),
          "Two ends that spin use all of it. The time of other programs appears in the tail.",
          "pin: {client: 0, server: 0} compares steadily; a machine with four CPUs is better");
    if (const auto quota = fact<double>("cpu_quota");
        quota && *quota < static_cast<double>(cpus.size()))
      add("quota", true, fmt::format("the control group may use the time of {:.3g} CPUs", *quota),
          "When it is used up, all processes stop until the next period, for tens of milliseconds.",
          in_pod() ? "resources of the pod without limits.cpu, or requests.cpu equal to limits.cpu "
                     "and a static CPU manager policy"
                   : "give the container or unit no CPU limit (docker --cpus, CPUQuota=)");
  }

  // A step of Slurm has one CPU per task unless it asks for more.
  void judge_slurm() {
    const Cpus cpus = cpus_in(fact<std::string>("cpus_allowed"));
    if (!facts_.contains("slurm_job") || !requirements_ || cpus.empty() ||
        requirements_->streams <= cpus.size())
      return;
    add("slurm", false,
        fmt::format("the job step has {} for {} streams", counted(cpus.size(), "CPU"),
                    requirements_->streams),
        "The streams wait for each other, so the rate is that of the CPUs and not of the network.",
        fmt::format("sbatch --cpus-per-task={0}, and srun --cpus-per-task={0} in launch:",
                    requirements_->streams));
  }

  // Both ends run the same version, which other commits may share.
  void judge_commit() {
    const auto theirs = fact<std::string>("git");
    if (theirs && !git_commit().empty() && *theirs != git_commit())
      add("commit", false,
          fmt::format("pingperf is of commit {} there, and of {} here", *theirs, git_commit()),
          "Both have the same version, but may measure differently.",
          "install the same build on all hosts, or copy: true");
  }

  bool in_pod() const { return fact<std::string>("container") == "kubernetes"; }

  // Returns how a container gets a capability; `otherwise` for a process outside a container.
  std::string with_capability(std::string_view name, const char* otherwise) const {
    if (!facts_.contains("container")) return otherwise;
    if (in_pod()) return fmt::format("securityContext: {{capabilities: {{add: [{}]}}}}", name);
    return fmt::format("{} run --cap-add {} …", *fact<std::string>("container"), name);
  }

  void judge_disturbance() {
    if (const auto steal = fact<double>("steal_ratio"); steal && *steal > kHighSteal)
      add("steal", true, fmt::format("{} of the CPU time is stolen", percent(*steal)),
          "The hypervisor runs other guests meanwhile, which affects every figure.",
          "another time, or a machine with dedicated CPUs");
    if (const auto load = fact<double>("load_ratio"); load && *load > kHighOtherLoad)
      add("load", *load > kSpoilingLoad,
          fmt::format("other programs take {} of the CPU time", percent(*load)),
          "They lower the throughput and lengthen the tail. other_load_ratio has their share in "
          "each "
          "trial.",
          "top -o %CPU shows which programs to stop");
  }

  void judge_clock() {
    const auto cost = fact<double>("clock_cost_ns");
    if (!cost || *cost <= kSlowClock_ns) return;
    const std::string available = fact<std::string>("clocksources").value_or("");
    const bool has_tsc = available.find("tsc") != std::string::npos;
    add("clock", true,
        fmt::format("reading the clock takes {} (clock source {})", human_duration(*cost),
                    fact<std::string>("clocksource").value_or("unknown")),
        "pingperf reads it before and after every ping, so each round trip is that much longer.",
        has_tsc ? "echo tsc | sudo tee "
                  "/sys/devices/system/clocksource/clocksource0/current_clocksource"
                : "boot with clocksource=tsc, or configure the hypervisor to offer a clock that "
                  "requires no system call");
  }

  bool may(const char* capability) const {
    const auto capabilities = fact<Names>("capabilities");
    return !capabilities || contains(*capabilities, capability);
  }

  // The limits do not apply to users who may administer the network.
  void judge_buffers() {
    if (may("CAP_NET_ADMIN")) return;
    const auto judge = [&](const char* limit, std::uint64_t wanted, const char* why) {
      const auto most = fact<std::uint64_t>(limit);
      if (!most || *most >= (wanted ? wanted : kFairBuffer)) return;
      add("buffers", wanted > 0,
          wanted ? fmt::format("{} is {}, the experiment requires {}", limit,
                               human_size(static_cast<double>(*most)),
                               human_size(static_cast<double>(wanted)))
                 : fmt::format("{} is {}", limit, human_size(static_cast<double>(*most))),
          why, fmt::format("sudo sysctl net.core.{}={}", limit, std::max(wanted, kFairBuffer)));
    };
    judge("rmem_max", requirements_ ? requirements_->receive_buffer : 0,
          "No socket gets a larger receive buffer, so bursts of datagrams are lost.");
    judge("wmem_max", requirements_ ? requirements_->send_buffer : 0,
          "No socket gets a larger send buffer.");
  }

  void judge_capabilities() {
    // Does not suggest file capabilities: every user who may execute the file would have them
    // (SECURITY.md).
    const char* const as_root = "sudo pingperf run …, or a lab (lab: in the experiment)";
    if (!may("CAP_NET_RAW"))
      add_missing("capabilities", needs(&HostRequirements::raw_sockets), "no CAP_NET_RAW",
                  "Transports raw and ethernet cannot be measured, and icmp only for groups in "
                  "net.ipv4.ping_group_range.",
                  with_capability("NET_RAW", as_root));
    if (!may("CAP_BPF") && needs(&HostRequirements::xdp))
      add("capabilities", true, "no CAP_BPF",
          "Engine xdp cannot load its program, also not in a lab of a user who is not root.",
          with_capability("BPF", "sudo pingperf run …"));
    if (!may("CAP_NET_ADMIN"))
      add("capabilities", needs(&HostRequirements::xdp), "no CAP_NET_ADMIN",
          "Buffers beyond rmem_max and wmem_max, busy_poll, restricted congestion controls and "
          "engine xdp are not available.",
          with_capability("NET_ADMIN", as_root));
  }

  void judge_qdiscs() {
    if (const auto why = fact<std::string>("qdiscs_unknown"))
      add_missing("qdiscs", needs_qdisc("tbf") || needs_qdisc("netem"),
                  fmt::format("the queueing disciplines of the kernel are unknown: {}", *why),
                  "Labs need network namespaces, ip(8) and tc(8).",
                  "sudo apt-get install iproute2; sudo sysctl user.max_net_namespaces=1000");
    const auto present = fact<Names>("qdiscs");
    if (!present) return;
    for (const auto& [name, why] :
         {std::pair{"tbf", "Labs with a rate cannot be made."},
          {"netem", "Labs with delay, jitter, loss or reordering cannot be made."},
          {"fq", "fq_rate has no effect over UDP. TCP is paced without fq."}})
      if (!contains(*present, name))
        add_missing("qdiscs", needs_qdisc(name), fmt::format("the kernel has no {}", name), why,
                    fmt::format("sudo modprobe sch_{}, or a kernel that has it", name));
  }

  void judge_stamps() {
    if (fact<bool>("kernel_stamps") == false)
      add_missing("time stamps", needs(&HostRequirements::kernel_stamps),
                  "the kernel does not stamp packets", "timestamps: kernel cannot be measured.",
                  "a kernel with SO_TIMESTAMPING");
    const auto interfaces = fact<std::map<std::string, bool>>("stamps_sent");
    if (!interfaces || (requirements_ && !requirements_->kernel_stamps)) return;
    for (const auto& [interface, stamps] : *interfaces)
      if (!stamps)
        add("time stamps", false, fmt::format("{} does not stamp sent packets", interface),
            "timestamps: kernel cannot measure the way out over it.",
            fmt::format("ethtool -T {} prints the abilities of its driver", interface));
  }

  void judge_libiperf() {
    const auto text = fact<std::string>("libiperf");
    const auto version = text ? version_in(*text) : std::nullopt;
    if (version && *version < kThreadedIperf3 && (!requirements_ || requirements_->iperf3_streams))
      add("libiperf", false, fmt::format("libiperf is {}", *text),
          "Before 3.16, it serves all streams of a test by one thread. With more than one stream, "
          "compare it with threads: 1.",
          "install libiperf 3.16 or later (Debian 13 has one), or name one by libiperf: PATH");
  }

  void judge_labs() {
    const auto labs = fact<Names>("stale_labs");
    if (!labs || labs->empty()) return;
    add("labs", false, counted(labs->size(), "namespace") + " of labs whose run has ended",
        "Processes may still run in them.", "sudo pingperf doctor --clean");
  }

  const Json& facts_;
  const std::optional<HostRequirements>& requirements_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view name(Severity severity) {
  return severity == Severity::serious ? "serious" : "note";
}

HostRequirements HostRequirements::of(const Experiment& experiment, bool client, bool server) {
  HostRequirements required;
  const auto take = [&](const Case& c) {
    const Options& o = *c.options;
    if (client && o.client_cpu) required.pins.insert(*o.client_cpu);
    if (server && o.server_cpu) required.pins.insert(*o.server_cpu);
    required.streams = std::max(required.streams, o.streams.value_or(1));
    required.send_buffer = std::max(required.send_buffer, o.send_buffer.value_or(0));
    required.receive_buffer = std::max(required.receive_buffer, o.receive_buffer.value_or(0));
    required.raw_sockets |= o.transport == Transport::raw || o.transport == Transport::ethernet;
    required.xdp |= o.engine == "xdp";
    required.kernel_stamps |= o.timestamps.has_value();
    if (o.fq_rate_bps && o.transport == Transport::udp) required.qdiscs.insert("fq");
    required.iperf3_streams |= o.engine == "iperf3" && o.streams.value_or(1) > 1;
    const bool spins = o.engine == "spin" || o.wait == "spin";
    const bool thread_per_flow = spins || o.engine == "hybrid";
    const std::uint64_t of_an_end = o.threads.value_or(thread_per_flow ? o.streams.value_or(1) : 1);
    const bool serves = server && c.engine->listen != nullptr;
    const std::uint64_t of_ends = of_an_end * ((client ? 1 : 0) + (serves ? 1 : 0));
    required.threads = std::max(required.threads, of_ends);
    if (spins) required.spinning = std::max(required.spinning, of_ends);
  };
  for (const Case& c : experiment.cases) {
    take(c);
    if (c.background) take(*c.background);
  }
  if (const auto& lab = experiment.lab) {
    if (lab->rate_bps) required.qdiscs.insert("tbf");
    if (lab->delay || lab->jitter || lab->loss || lab->reorder) required.qdiscs.insert("netem");
  }
  return required;
}

std::vector<Finding> judge_host(const Json& facts,
                                const std::optional<HostRequirements>& requirements) {
  return Judge(facts, requirements).findings();
}

}  // namespace pingperf
