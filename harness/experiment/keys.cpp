#include "harness/experiment/keys.h"

#include <algorithm>

namespace pingperf {
namespace {

std::vector<ExperimentSection> make_sections() {
  using enum KeyType;
  constexpr bool kRequired = true;
  return {
      {"experiment",
       "the file: what is measured, how often, and what is judged",
       {{.name = "name",
         .type = name,
         .doc = "of the directory below results/",
         .required = kRequired},
        {"description", text, "the question, in a sentence"},
        {"hosts", section, "the two ends; both are this machine, over loopback, unless set",
         "hosts"},
        {"lab", section, "instead of hosts: a network of namespaces, made for the run", "lab"},
        {"plan", section, "how often and in which order", "plan"},
        {"defaults", parameters, "for every workload whose engine has the parameter"},
        {.name = "workloads",
         .type = named,
         .doc = "what is measured, by names of your own",
         .section = "workload",
         .required = kRequired},
        {"compare", sections, "ratios that are wanted", "compare"},
        {"gates", sections, "bounds that must be kept, else the run exits with 1", "gate"}}},
      {"hosts",
       "the two ends",
       {{"client", section, "the end that connects", "host"},
        {"server", section, "the end that is connected to", "host"},
        {"pairs", sections, "instead of one pair: every case runs on each", "pair"},
        {.name = "at_once",
         .type = count,
         .doc = "how many of the pairs measure at the same moment; 1 unless set",
         .minimum = 1,
         .maximum = 100'000}}},
      {"pair",
       "two ends among others",
       {{"client", section, "the end that connects", "host"},
        {"server", section, "the end that is connected to", "host"}}},
      {"host",
       "one end: how to reach it, one way at most; this machine unless set",
       {{"ssh", host, "host, or user@host"},
        {"netns", host, "a network namespace (ip-netns(8))"},
        {"docker", host, "a container"},
        {"kubectl", host, "a pod"},
        {"namespace", host, "of the pod"},
        {"srun", host, "a node of Slurm's"},
        {"launch", words, "the words of a command that runs another one there"},
        {"address", text, "of the server: where the data go, as the client sees it"},
        {"pingperf", text, "its path there; that of here unless set"},
        {"copy", flag, "put this pingperf there for the run, when there is none of its version"},
        {"external", text, "of the server: one that someone else has started, at this address"},
        {.name = "port",
         .type = count,
         .doc = "where an external server listens",
         .minimum = 1,
         .maximum = 65535}}},
      {"lab",
       "a network of namespaces on this machine; delay and loss are of each direction",
       {{"rate", rate, "of the bottleneck, 8 kbit to 1 Tbit"},
        {"buffer", room, "before the bottleneck: a time at its rate, or a size; 100ms unless set"},
        {"delay", duration, "one way, at most 60s"},
        {"jitter", duration, "of the delay"},
        {"loss", share, "of the packets"},
        {"reorder", share, "of the packets that overtake the delay"},
        {.name = "mtu", .type = count, .doc = "of every link", .minimum = 576, .maximum = 65535},
        {"offloads", flag, "false: no TSO, GSO and GRO on its devices"},
        {"router", flag, "false: one link between the ends, shaped at both"}}},
      {"plan",
       "how often and in which order",
       {{.name = "repetitions",
         .type = count,
         .doc = "blocks, each of every case once; 10 unless set",
         .minimum = 1,
         .maximum = 100'000},
        {"until", section, "more blocks, until the data are as narrow as that", "until"},
        {.name = "order",
         .type = choice,
         .doc = "shuffled: every block in another order; sequential: as in the file",
         .choices = {"shuffled", "sequential"}},
        {"seed", count, "of the shuffling; 1 unless set"},
        {"cooldown", duration, "between trials; 100ms unless set"},
        {"timeout", duration, "of a whole trial; its length plus 10 s unless set"}}},
      {"until",
       "when a run may stop, from `repetitions` blocks on",
       {{"metric", metrics, "what is to be known well: one metric, or a list"},
        {"relative_ci", share, "half the width of its interval, of the estimate"},
        {.name = "at_most",
         .type = count,
         .doc = "blocks",
         .minimum = 1,
         .maximum = 100'000,
         .required = kRequired},
        {.name = "of",
         .type = choice,
         .doc = "cases: each case's median; comparisons: each compared ratio",
         .choices = {"cases", "comparisons"}}}},
      {"workload",
       "a measurement; beside these it has the parameters",
       {{"matrix", lists, "every combination of these values is a case"},
        {"exclude", choices_of_parameters, "combinations that are left out"},
        {"include", choices_of_parameters, "what is merged into combinations, or added as cases"},
        {"background", background,
         "a throughput workload that loads the network: each case runs idle and loaded"}}},
      {"compare",
       "a ratio: along an axis, or of one workload to another",
       {{.name = "metric", .type = metric, .doc = "a column of trials.csv", .required = kRequired},
        {"axis", axis, "a key of a matrix, along which cases are compared"},
        {.name = "baseline",
         .type = value,
         .doc = "the axis's value that the others are compared with, or {workload: NAME}",
         .required = kRequired},
        {"workload", text, "only its cases"},
        {"where", parameters, "only cases with these values"}}},
      {"gate",
       "a bound of each chosen case, of its median or a ratio",
       {{.name = "metric", .type = metric, .doc = "a column of trials.csv", .required = kRequired},
        {"workload", text, "only its cases"},
        {"where", parameters, "only cases with these values"},
        {"axis", axis, "as in compare: the bound is of the ratio"},
        {"candidate", value, "the only value of the axis that is judged"},
        {"baseline", value, "as in compare"},
        {"against", text, "a stored run: the bound is of the ratio to it"},
        {"relative_to", parameters, "with against: divide by this case of the same block first"},
        {"at_least", bound, "in the metric's unit (100mbit, 200us), or a ratio (0.95, 95%)"},
        {"at_most", bound, "likewise"},
        {.name = "inconclusive",
         .type = choice,
         .doc = "what becomes of a gate that the data do not decide; pass unless set",
         .choices = {"pass", "fail", "repeat"}}}},
  };
}

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

}  // namespace pingperf
