// The manual pages, in the man(7) macros: what can change with the code is made from its tables.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "harness/engines/engines.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/base/units.h"
#include "harness/base/version.h"
#include "tools/command_line.h"

namespace pingperf {
namespace {

// Text as roff takes it: nothing of it is a request, and a hyphen is that of a command line. What
// stands in `backticks` is bold.
std::string roff(std::string_view text) {
  std::string result;
  bool bold = false;
  for (const char c : text) {
    const bool starts_line = result.empty() || result.back() == '\n';
    if (starts_line && (c == '.' || c == '\'')) result += "\\&";
    if (c == '`')
      result += (bold = !bold) ? "\\fB" : "\\fR";
    else if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\'')
      result += "\\(aq";
    else if (c == '~')
      result += "\\(ti";
    else if (c == '^')
      result += "\\(ha";
    else
      result += c;
  }
  return result;
}

std::string sentence(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
}

std::string bold(std::string_view text) {
  return "\\fB" + roff(text) + "\\fR";
}
std::string italic(std::string_view text) {
  return "\\fI" + roff(text) + "\\fR";
}

std::string title(std::string_view name, int section, std::string_view what) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(
      "'\\\" -*- coding: UTF-8 -*-\n.TH {} {} \"\" \"pingperf {}\" \"{}\"\n.SH NAME\n{} \\- {}\n",
      roff(upper), section, version(), section == 1 ? "User Commands" : "File Formats", roff(name),
      what);
}

// A term and what is said of it.
std::string item(const std::string& term, const std::string& text) {
  return ".TP\n" + term + "\n" + text + "\n";
}

// Lines as they are.
std::string example(std::string_view lines) {
  return ".EX\n" + roff(lines) + "\n.EE\n";
}

// ---- pingperf(1)

// "--format table|json", "FILE ...".
std::string synopsis_of(const ArgumentWords& a) {
  const std::string value =
      a.value.empty()     ? ""
      : a.choices.empty() ? italic(a.value)
      : a.choices.size() > 8
          ? italic("NAME")
          : fmt::format("{}", bold(fmt::format("{}", fmt::join(a.choices, "|"))));
  const std::string more = a.repeats ? " ..." : "";
  if (a.is_positional()) return value + more;
  std::vector<std::string> names;
  for (const std::string& name : a.names) names.push_back(bold(name));
  return fmt::format("{}{}{}", fmt::join(names, ", "), value.empty() ? "" : " ", value);
}

bool is_help(const ArgumentWords& a) {
  return std::find(a.names.begin(), a.names.end(), "--help") != a.names.end();
}

std::string arguments_of(const CommandWords& command) {
  std::string text;
  for (const ArgumentWords& a : command.arguments) {
    if (is_help(a) && !command.name.empty()) continue;  // it is said once, of the program
    std::string doc = roff(a.doc);
    if (!a.standard.empty()) doc += "; " + roff(a.standard) + " unless set";
    if (a.repeats && !a.is_positional()) doc += "; may be repeated";
    text += item(synopsis_of(a), doc + ".");
  }
  return text;
}

std::string section_of(const CommandWords& command) {
  std::string usage = bold("pingperf " + command.name) + " [" + italic("OPTIONS") + "]";
  for (const ArgumentWords& a : command.arguments)
    if (a.is_positional())
      usage += " " + (a.required ? synopsis_of(a) : "[" + synopsis_of(a) + "]");
  return fmt::format(".SS {}\n{}\n.PP\n{}\n{}", roff(command.name), usage,
                     roff(sentence(command.doc)), arguments_of(command));
}

struct Line {
  std::string_view term;
  std::string_view text;
};

std::string items(std::initializer_list<Line> lines) {
  std::string text;
  for (const Line& line : lines) text += item(bold(line.term), roff(line.text));
  return text;
}

// ---- pingperf-experiment(5)

// How a value of the unit is written.
std::string_view form_of(Unit unit) {
  switch (unit) {
    case Unit::count:
      return "COUNT";
    case Unit::size:
      return "SIZE";
    case Unit::duration:
      return "DURATION";
    case Unit::rate:
      return "RATE";
    case Unit::frequency:
      return "FREQUENCY";
    case Unit::flag:
      return "true|false";
    case Unit::text:
      return "TEXT";
  }
  return "";
}

std::string form_of(const ExperimentKey& key) {
  switch (key.type) {
    case KeyType::name:
      return "NAME";
    case KeyType::count:
      return "COUNT";
    case KeyType::duration:
      return "DURATION";
    case KeyType::rate:
      return "RATE";
    case KeyType::room:
      return "DURATION|SIZE";
    case KeyType::share:
      return "PERCENT";
    case KeyType::flag:
      return "true|false";
    case KeyType::bound:
      return "BOUND";
    case KeyType::metric:
      return "METRIC";
    case KeyType::metrics:
      return "METRIC|[METRIC, ...]";
    case KeyType::choice:
      return fmt::format("{}", fmt::join(key.choices, "|"));
    case KeyType::words:
      return "[WORD, ...]";
    case KeyType::axis:
      return "PARAMETER";
    case KeyType::value:
      return "VALUE";
    case KeyType::section:
      return "{...}";
    case KeyType::sections:
      return "[{...}, ...]";
    case KeyType::named:
      return "{NAME: {...}, ...}";
    case KeyType::lists:
      return "{PARAMETER: [VALUE, ...], ...}";
    case KeyType::parameters:
    case KeyType::background:
      return "{PARAMETER: VALUE, ...}";
    case KeyType::choices_of_parameters:
      return "[{PARAMETER: VALUE, ...}, ...]";
    case KeyType::text:
    case KeyType::host:
      return "TEXT";
  }
  return "";
}

std::string section_of(const ExperimentSection& section) {
  std::string text =
      fmt::format(".SS {}\n{}\n", roff(section.name), roff(sentence(std::string(section.doc))));
  for (const ExperimentKey& key : section.keys)
    text += item(bold(key.name) + ": " + italic(form_of(key)),
                 roff(key.doc) + (key.required ? "; required" : "") + ".");
  return text;
}

// "from 1 to 1 GiB"; empty: any.
std::string range_of(const Parameter& p) {
  if (p.unit == Unit::flag || p.unit == Unit::text || std::isinf(p.maximum)) return "";
  const auto text = [&](double value) {
    if (p.unit == Unit::size) return human_size(value);
    if (p.unit == Unit::duration) return human_duration(value);
    if (p.unit == Unit::rate) return human_rate(value);
    return fmt::format("{:.15g}", value);
  };
  return fmt::format("; from {} to {}", text(p.minimum), text(p.maximum));
}

std::string parameters_text() {
  std::string text = items({{"kind: throughput|latency|connect", "what is measured."},
                            {"engine: NAME", "the code that is measured; see ENGINES."}});
  text +=
      item(bold("transport") + ": " + italic(fmt::format("{}", fmt::join(transport_names(), "|"))),
           "what carries the bytes; tcp unless set.");
  for (const Parameter& p : parameters()) {
    const std::string form = p.choices.empty() ? std::string(form_of(p.unit))
                                               : fmt::format("{}", fmt::join(p.choices, "|"));
    const std::string column =
        p.column == p.name ? "" : fmt::format("; column {} of trials.csv", p.column);
    const std::size_t dot = p.name.find('.');  // "pin.client" is client of pin
    const std::string value = dot == std::string_view::npos
                                  ? form
                                  : fmt::format("{{{}: {}}}", p.name.substr(dot + 1), form);
    text += item(bold(p.name.substr(0, dot)) + ": " + italic(value),
                 roff(std::string(p.doc) + range_of(p) + column) + ".");
  }
  return text + item(bold("dscp") + ": " + italic("COUNT"), "sets tos to four times this.");
}

std::string engines_text() {
  std::string text;
  for (const std::string_view family : engine_names()) {
    std::string_view summary;
    std::string served;
    for (const Engine* e : all_engines()) {
      if (e->name != family) continue;
      summary = e->summary;
      served += fmt::format("{}{} over {}", served.empty() ? "" : ", ", name(e->kind),
                            name(e->transport));
    }
    text += item(bold(family), roff(fmt::format("{}. Serves {}.", summary, served)));
  }
  return text;
}

}  // namespace

std::string manual_of_commands(const CLI::App& app) {
  const std::vector<CommandWords> commands = commands_of(app);
  std::string text = title("pingperf", 1, "a benchmark harness for networks");
  text += ".SH SYNOPSIS\n" + bold("pingperf") + " [" + italic("OPTIONS") + "] " +
          italic("COMMAND") + " [" + italic("ARGUMENTS") + "]\n";
  text +=
      ".SH DESCRIPTION\n" +
      roff(
          "One YAML experiment goes in, trustworthy CSV comes out. pingperf links libiperf, "
          "iperf3's library, for bandwidth and pairs it with socket engines of its own for "
          "ping-pong latency and bulk throughput, in one interleaved, shuffled, repeated plan.") +
      "\n.PP\nThe experiment file is described in\n.BR pingperf\\-experiment (5).\n";
  text += ".SH OPTIONS\n" + arguments_of(commands.front());
  text += ".SH COMMANDS\n";
  for (std::size_t i = 1; i < commands.size(); ++i) text += section_of(commands[i]);
  text += ".SH EXIT STATUS\n" + items({{"0", "all is well."},
                                       {"1", "a gate failed, or a regression was found."},
                                       {"2", "wrong usage, or a wrong experiment."},
                                       {"3", "some trials failed, or the program could not go on."},
                                       {"130", "interrupted; every finished trial is kept."}});
  text += ".SH ENVIRONMENT\n" +
          items({{"NO_COLOR", "when it is set and not empty, nothing is printed in colours."},
                 {"COLUMNS", "the width of the terminal, instead of what the terminal says."},
                 {"TERM", "with dumb, or without it: no colours, and progress a line a trial."}});
  text += ".SH FILES\n" + items({{"results/NAME/TIME-SEED/",
                                  "all that a run has made: trials.csv, intervals.csv, "
                                  "summary.csv, comparisons.csv, junit.xml, "
                                  "environment.json, histograms/ and the experiment."},
                                 {"results/NAME/latest", "the newest of them."}});
  text += ".SH EXAMPLES\nRun an experiment, and one of its workloads for longer:\n.PP\n" +
          example(
              "pingperf run configs/quickstart.yaml\n"
              "pingperf run configs/quickstart.yaml --only bulk --set defaults.duration=5s") +
          ".PP\nAsk what on this host spoils results, and compare two runs in CI:\n.PP\n" +
          example(
              "pingperf doctor\n"
              "pingperf compare results/gate/A results/gate/B --fail-on regression");
  return text + ".SH SEE ALSO\n.BR pingperf\\-experiment (5),\n.BR iperf3 (1),\n.BR ping (8)\n";
}

std::string manual_of_experiments() {
  std::string text = title("pingperf-experiment", 5, "the experiment file of pingperf");
  text +=
      ".SH DESCRIPTION\n" +
      roff(
          "One YAML document. `pingperf check FILE` validates it; `pingperf schema` prints a JSON "
          "Schema for editors.") +
      "\n";
  text += ".SH EXAMPLE\n" + example(R"(name: mine
description: Does our socket code keep up with iperf3?
plan: {repetitions: 10}
defaults: {duration: 2s, warmup: 300ms, pin: {client: 0, server: 1}}
workloads:
  bulk: {kind: throughput, message_size: 128KiB, matrix: {engine: [iperf3, blocking]}}
  pingpong: {kind: latency, engine: blocking, matrix: {transport: [tcp, udp]}}
compare:
  - {metric: throughput_bps, axis: engine, baseline: iperf3}
gates:
  - {metric: rtt_p50_ns, workload: pingpong, where: {transport: tcp}, at_most: 200us})");
  text += ".SH VALUES\n" +
          items({{"DURATION", "100ns, 500us, 500ms, 3s, 2m or 1h."},
                 {"SIZE", "bytes: 64, 1400B, 64KiB, 1MB."},
                 {"RATE", "bits a second: 100mbit, 1.5Gbit."},
                 {"FREQUENCY", "a second: 5000, 10Hz, 5kHz."},
                 {"COUNT", "plain digits."},
                 {"PERCENT", "2% or 0.1%."},
                 {"BOUND", "a value in the unit of its metric, or a ratio: 0.95 or 95%."},
                 {"METRIC", "a column of trials.csv, such as throughput_bps or rtt_p50_ns."}});
  text += ".SH WHICH VALUE COUNTS\n" +
          roff(
              "Built-in values, then `defaults`, then the workload's keys, then the matrix. A "
              "parameter of a workload or matrix that its engine does not have is an error; one of "
              "`defaults` reaches the engines that have it, and is an error when none has.") +
          "\n";
  text += ".SH KEYS\n";
  for (const ExperimentSection& section : experiment_sections()) text += section_of(section);
  text += ".SH PARAMETERS\nOf a workload, of defaults, of a background and of a matrix.\n" +
          parameters_text();
  text += ".SH ENGINES\n" + engines_text();
  return text + ".SH SEE ALSO\n.BR pingperf (1)\n";
}

}  // namespace pingperf
