#include "harness/experiment/keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

#include "sockets/core/clock.h"
#include "sockets/core/options.h"

namespace pingperf {
namespace {

constexpr std::string_view kPlainName = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$";
constexpr std::string_view kNoOption = "^[^-]";
constexpr std::uint64_t kMaxEntries = 1000;
constexpr std::uint64_t kMaxRepetitions = 100'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kWeek = 7 * 86400 * kSecond;

std::vector<std::string_view> all(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

// clang-format would give each field a line of its own.
// clang-format off
std::vector<ExperimentSection> make_sections() {
  using enum KeyType;
  return {
      {"experiment",
       "the experiment: what is measured, how often, and which results are judged",
       {
           {.name = "name", .type = text, .doc = "names the directory below results/",
            .pattern = kPlainName, .required = true},
           {.name = "description", .type = text, .doc = "the question in one sentence"},
           {.name = "hosts", .type = section,
            .doc = "the two ends; default: both are this machine, over loopback",
            .section = "hosts"},
           {.name = "lab", .type = section,
            .doc = "instead of hosts: a network of namespaces, made for the run", .section = "lab"},
           {.name = "plan", .type = section,
            .doc = "how often and in which order cases are measured", .section = "plan"},
           {.name = "programs", .type = map,
            .doc = "commands of yours that become engines, by names that you choose",
            .section = "program"},
           {.name = "use", .type = list,
            .doc = "files with programs, relative to this file", .section = "file",
            .maximum = kMaxEntries},
           {.name = "variants", .type = map,
            .doc = "states of the system, by names that you choose: an axis of every case",
            .section = "variant"},
           {.name = "defaults", .type = section,
            .doc = "parameters for every workload whose engine has them", .section = "parameters"},
           {.name = "workloads", .type = map, .doc = "the measurements, by names that you choose",
            .section = "workload", .required = true},
           {.name = "compare", .type = list, .doc = "ratios to report", .section = "compare",
            .maximum = kMaxEntries},
           {.name = "gates", .type = list,
            .doc = "bounds that results must keep, else the run exits with 1", .section = "gate",
            .maximum = kMaxEntries},
       }},
      {"hosts",
       "the two ends",
       {
           {.name = "client", .type = section, .doc = "the end that connects", .section = "host"},
           {.name = "server", .type = section, .doc = "the end that listens", .section = "host"},
           {.name = "pairs", .type = list,
            .doc = "instead of client and server: every case runs on each pair", .section = "pair",
            .maximum = kMaxEntries},
           {.name = "at_once", .type = count,
            .doc = "number of pairs that measure at the same time; default: 1", .minimum = 1,
            .maximum = 100'000},
       }},
      {"pair",
       "two ends of several pairs",
       {
           {.name = "client", .type = section, .doc = "the end that connects", .section = "host"},
           {.name = "server", .type = section, .doc = "the end that listens", .section = "host"},
       }},
      {"host",
       "one end and how to reach it, in one way at most; default: this machine",
       {
           {.name = "ssh", .type = text, .doc = "host, or user@host", .pattern = kNoOption},
           {.name = "netns", .type = text, .doc = "a network namespace (ip-netns(8))",
            .pattern = kNoOption},
           {.name = "docker", .type = text, .doc = "a container", .pattern = kNoOption},
           {.name = "kubectl", .type = text, .doc = "a pod", .pattern = kNoOption},
           {.name = "namespace", .type = text, .doc = "the namespace of the pod",
            .pattern = kNoOption},
           {.name = "srun", .type = text, .doc = "a node of Slurm", .pattern = kNoOption},
           {.name = "launch", .type = section,
            .doc = "the arguments of a command that runs another command there",
            .section = "command"},
           {.name = "address", .type = text,
            .doc = "server only: the data address, as the client sees it"},
           {.name = "pingperf", .type = text,
            .doc = "path of pingperf there; default: the path here"},
           {.name = "copy", .type = flag,
            .doc = "copies this pingperf there for the run, if the host has none of its version"},
           {.name = "external", .type = text,
            .doc = "server only: address of a server that someone else has started"},
           {.name = "port", .type = count, .doc = "where an external server listens", .minimum = 1,
            .maximum = 65535},
       }},
      {"lab",
       "a network of namespaces on this machine; delay and loss apply to each direction",
       {
           {.name = "rate", .type = rate, .doc = "rate of the bottleneck, 8 kbit to 1 Tbit",
            .minimum = 8000, .maximum = 1'000'000'000'000},
           {.name = "buffer", .type = duration_or_size,
            .doc = "buffer of the bottleneck: a time at its rate, or a size; default: 100ms",
            .maximum = kMinute},
           {.name = "delay", .type = duration, .doc = "one-way delay, at most 60s",
            .maximum = kMinute},
           {.name = "jitter", .type = duration, .doc = "variation of the delay",
            .maximum = kMinute},
           {.name = "loss", .type = percent, .doc = "share of the packets that are lost"},
           {.name = "reorder", .type = percent, .doc = "share of the packets that are not delayed"},
           {.name = "mtu", .type = count, .doc = "MTU of every link", .minimum = 576,
            .maximum = 65535},
           {.name = "offloads", .type = flag, .doc = "false: no TSO, GSO and GRO on its devices"},
           {.name = "router", .type = flag,
            .doc = "false: one link between the ends, shaped at both"},
       }},
      {"plan",
       "how often and in which order cases are measured",
       {
           {.name = "repetitions", .type = count,
            .doc = "number of blocks, each of every case once; default: 10", .minimum = 1,
            .maximum = kMaxRepetitions},
           {.name = "until", .type = section,
            .doc = "runs more blocks until the results are precise enough", .section = "until"},
           {.name = "order", .type = choice,
            .doc = "shuffled: every block in another order; sequential: as in the file",
            .choices = {"shuffled", "sequential"}},
           {.name = "seed", .type = count, .doc = "seed of the shuffling; default: 1"},
           {.name = "cooldown", .type = duration, .doc = "time between trials; default: 100ms",
            .maximum = kWeek},
           {.name = "timeout", .type = duration,
            .doc = "time limit per trial; default: its length plus 10 s", .minimum = kMillisecond,
            .maximum = kWeek},
           {.name = "start_timeout", .type = duration,
            .doc = "time limit of a launcher until its agent answers; default: 10s",
            .minimum = kMillisecond, .maximum = kWeek},
           {.name = "counters", .type = choice,
            .doc = "counters of the hosts per trial, in counters.csv; all: also those that cost "
                   "more; default: default",
            .choices = {"off", "default", "all"}},
       }},
      {"until",
       "when a run may stop, after the first `repetitions` blocks",
       {
           {.name = "metric", .type = section,
            .doc = "metrics that must be precise: one, or a list", .section = "metrics"},
           {.name = "relative_ci", .type = percent,
            .doc = "half the width of the confidence interval, relative to the estimate"},
           {.name = "at_most", .type = count, .doc = "maximum number of blocks", .minimum = 1,
            .maximum = kMaxRepetitions, .required = true},
           {.name = "of", .type = choice,
            .doc = "cases: each case's median; comparisons: each compared ratio",
            .choices = {"cases", "comparisons"}},
       }},
      {"workload",
       "a measurement; it has the parameters too",
       {
           {.name = "matrix", .type = section, .doc = "every combination of these values is a case",
            .section = "matrix"},
           {.name = "exclude", .type = list, .doc = "combinations that are left out",
            .section = "combination"},
           {.name = "include", .type = list,
            .doc = "values that are merged into combinations, or added as cases",
            .section = "combination"},
           {.name = "variants", .type = list,
            .doc = "only these variants; default: all", .section = "name"},
           {.name = "background", .type = section,
            .doc = "a throughput workload that loads the network: each case runs idle and loaded",
            .section = "background"},
           {.name = "search", .type = section,
            .doc = "varies a parameter: the highest value that keeps a condition is looked for",
            .section = "search"},
       }},
      {"search",
       "the highest value of a parameter that keeps a condition",
       {
           {.name = "parameter", .type = choice, .doc = "the parameter that is varied",
            .choices = {"rate", "frequency"}, .required = true},
           {.name = "from", .type = section, .doc = "lowest value, in the parameter's unit",
            .section = "bound", .required = true},
           {.name = "to", .type = section, .doc = "highest value, in the parameter's unit",
            .section = "bound", .required = true},
           {.name = "keep", .type = section,
            .doc = "the conditions: metrics and the bound of each", .section = "keep",
            .required = true},
           {.name = "precision", .type = percent,
            .doc = "half the width of the interval, relative to the estimate, 0.1% to 20%; "
                   "default: 2%"},
           {.name = "trials", .type = count, .doc = "maximum number of trials; default: 60",
            .minimum = 5, .maximum = 1000},
       }},
      {"program",
       "a command of yours that is an engine (docs/programs.md)",
       {
           {.name = "kind", .type = choice, .doc = "what it measures",
            .choices = all(kind_names()), .required = true},
           {.name = "transport", .type = choice, .doc = "what carries its bytes; default: tcp",
            .choices = all(transport_names())},
           {.name = "client", .type = section,
            .doc = "the words of the client's command; {NAME} stands for a value of the trial",
            .section = "words", .required = true},
           {.name = "server", .type = section,
            .doc = "the words of the server's command; default: there is no server",
            .section = "words"},
           {.name = "parameters", .type = list,
            .doc = "parameters that it honours besides those that its commands name",
            .section = "parameter_name", .maximum = kMaxEntries},
           {.name = "results", .type = section,
            .doc = "where its figures are, by columns of trials.csv; default: it prints lines of "
                   "pingperf's format",
            .section = "results"},
           {.name = "ready", .type = section,
            .doc = "when the server is ready; default: port (it listens)", .section = "readiness"},
           {.name = "stop", .type = choice,
            .doc = "signal that ends the server after its client, or self: it ends itself; "
                   "default: SIGTERM",
            .choices = {"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL",
                        "self"}},
           {.name = "exit_codes", .type = list, .doc = "exit statuses of success; default: [0]",
            .section = "exit_code", .maximum = 256},
           {.name = "warmup", .type = choice,
            .doc = "own: it leaves the warmup out itself; none: its figures contain the start; "
                   "default: own if a command names {warmup_s}",
            .choices = {"none", "own"}},
           {.name = "env", .type = section, .doc = "environment variables of its commands",
            .section = "environment"},
           {.name = "cwd", .type = text,
            .doc = "the folder in which its commands run; default: that of the agent"},
           {.name = "copy_files", .type = list,
            .doc = "files that are copied to other hosts for the run, by relative paths",
            .section = "file", .maximum = kMaxEntries},
       }},
      {"variant",
       "a state of the system in which cases are measured (docs/variants.md)",
       {
           {.name = "sysctl", .type = section,
            .doc = "kernel parameters (sysctl(8)), of both ends or by place", .section = "sysctls"},
           {.name = "setup", .type = section,
            .doc = "commands that change the system, on both ends or by place",
            .section = "commands"},
           {.name = "teardown", .type = section, .doc = "commands that undo all of setup",
            .section = "commands"},
           {.name = "mtu", .type = section,
            .doc = "MTU of the interfaces that carry the data, of the whole path or by place",
            .section = "mtu"},
           {.name = "offloads", .type = section,
            .doc = "true or false: TSO, GSO and GRO of these interfaces", .section = "offloads"},
           {.name = "cgroup", .type = section, .doc = "limits of the workers of each end",
            .section = "limits"},
           {.name = "service", .type = section,
            .doc = "processes that run as long as the variant, such as a proxy: one, or a list",
            .section = "services"},
           {.name = "address", .type = text, .doc = "the server's data address in this variant"},
           {.name = "dial", .type = section,
            .doc = "where the client connects to instead of the server: [ADDRESS:]PORT of a service",
            .section = "dial"},
           {.name = "env", .type = section, .doc = "environment variables of the workers",
            .section = "environment"},
           {.name = "settle", .type = duration,
            .doc = "time to wait after the changes, at most 60s; default: 200ms",
            .maximum = kMinute},
       }},
      {"cgroup",
       "limits of the workers of an end, together",
       {
           {.name = "cpu", .type = percent, .doc = "of one CPU: 50%; 200% are two CPUs"},
           {.name = "memory", .type = section, .doc = "at least 4MiB", .section = "size"},
       }},
      {"service",
       "a process that runs as long as a variant",
       {
           {.name = "on", .type = choice, .doc = "the end whose host runs it",
            .choices = {"client", "server"}, .required = true},
           {.name = "run", .type = section,
            .doc = "the command's words, with {address} and {port} of the server, and "
                   "{service_port}, where the service listens",
            .section = "command", .required = true},
           {.name = "ready", .type = section,
            .doc = "when it is ready; default: port (it listens on {service_port})",
            .section = "readiness"},
       }},
      {"result",
       "where a program prints a figure: json or regex",
       {
           {.name = "json", .type = text,
            .doc = "JSON pointer (RFC 6901) into the last JSON value that it prints"},
           {.name = "regex", .type = text,
            .doc = "its first group is the figure; the last line that matches counts"},
           {.name = "scale", .type = section,
            .doc = "the column's unit per printed unit, e.g. 1000 for microseconds; default: 1",
            .section = "number"},
           {.name = "of", .type = choice, .doc = "the end that prints it; default: client",
            .choices = {"client", "server"}},
       }},
      {"ready",
       "when a program's server is ready: one of these",
       {
           {.name = "line", .type = text, .doc = "a line of its output matches this regex"},
           {.name = "after", .type = duration, .doc = "a time after its start, at most 10s"},
       }},
      {"compare",
       "a ratio along an axis, or of one workload to another",
       {
           {.name = "metric", .type = section, .doc = "a column of trials.csv", .section = "metric",
            .required = true},
           {.name = "axis", .type = section,
            .doc = "a key of a matrix, along which cases are compared", .section = "axis"},
           {.name = "baseline", .type = section,
            .doc = "the value of the axis that others are compared with, or {workload: NAME}",
            .section = "value", .required = true},
           {.name = "workload", .type = text, .doc = "only cases of this workload"},
           {.name = "where", .type = section, .doc = "only cases with these values",
            .section = "conditions"},
       }},
      {"gate",
       "a bound on the median of each chosen case, or on a ratio",
       {
           {.name = "metric", .type = section, .doc = "a column of trials.csv", .section = "metric",
            .required = true},
           {.name = "workload", .type = text, .doc = "only cases of this workload"},
           {.name = "where", .type = section, .doc = "only cases with these values",
            .section = "conditions"},
           {.name = "axis", .type = section, .doc = "as in compare: the bound applies to the ratio",
            .section = "axis"},
           {.name = "candidate", .type = section,
            .doc = "the only value of the axis that is judged", .section = "value"},
           {.name = "baseline", .type = section, .doc = "as in compare", .section = "value"},
           {.name = "against", .type = text,
            .doc = "a stored run: the bound applies to the ratio to it"},
           {.name = "relative_to", .type = section,
            .doc = "with against: divide by this case of the same block first",
            .section = "parameters"},
           {.name = "at_least", .type = section,
            .doc = "lower bound in the metric's unit (100mbit, 200us), or a ratio (0.95, 95%)",
            .section = "bound"},
           {.name = "at_most", .type = section,
            .doc = "upper bound in the metric's unit, or a ratio", .section = "bound"},
           {.name = "inconclusive", .type = choice,
            .doc = "result of a gate that the data do not decide; default: pass",
            .choices = {"pass", "fail", "repeat"}},
       }},
  };
}
// clang-format on

}  // namespace

std::span<const ExperimentSection> experiment_sections() {
  static const std::vector<ExperimentSection> sections = make_sections();
  return sections;
}

std::vector<std::string_view> keys_of(std::string_view section) {
  std::vector<std::string_view> names;
  for (const ExperimentSection& s : experiment_sections())
    if (s.name == section)
      for (const ExperimentKey& key : s.keys) names.push_back(key.name);
  return names;
}

const ExperimentKey& find_key(std::string_view section, std::string_view name) {
  for (const ExperimentSection& s : experiment_sections())
    if (s.name == section)
      for (const ExperimentKey& key : s.keys)
        if (key.name == name) return key;
  throw std::out_of_range(fmt::format("no key '{}' in section '{}'", name, section));
}

}  // namespace pingperf
