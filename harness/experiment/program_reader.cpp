#include "harness/experiment/program_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "harness/base/csv.h"
#include "harness/base/suggest.h"
#include "harness/engines/engines.h"
#include "harness/engines/program_arguments.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"

namespace pingperf {
namespace {

// Returns the number of a signal, "SIGTERM", or kEndsItself for "self".
int stop_signal_from(std::string_view text) {
  for (int number = 1; number < NSIG; ++number)
    if (const char* const name = ::sigabbrev_np(number); name && text == std::string("SIG") + name)
      return number;
  return ProgramEnd::kEndsItself;
}

std::string_view read_choice(const Node& node, std::string_view key) {
  return find_key("program", key).choices[read_key_choice(node, "program", key)];
}

const std::vector<Node>& items_of(const Node& node, std::string_view what,
                                  std::string_view example) {
  if (node.type != Node::Type::sequence || node.items.empty())
    fail_at(node.mark, fmt::format("{} must be a list, e.g. {}", what, example));
  return node.items;
}

// Returns a text that may have placeholders. A null is an empty text.
std::string read_argument(const Node& node, std::string_view what) {
  const std::string text = node.type == Node::Type::null ? node.scalar : read_text(node, what);
  if (const auto error = error_of_argument(text))
    fail_at(node.mark, fmt::format("{}: {}", what, *error));
  return text;
}

// Reads {PARAMETER: [ARGUMENT, …]}, arguments that are used if the parameter has a value.
void read_conditional_arguments(const Node& node, std::string_view what,
                                std::vector<ProgramArgument>& arguments) {
  if (node.entries.size() != 1)
    fail_at(node.mark, fmt::format("{}: write one parameter, e.g. {{reverse: [-R]}}", what));
  const Node::Entry& entry = node.entries.front();
  if (entry.value.type == Node::Type::null)
    fail_at(node.mark,
            fmt::format("{0}: {{{1}}} without quotes is a map in YAML: write \"{{{1}}}\"", what,
                        entry.key));
  if (!find_parameter(entry.key)) {
    fail_at(entry.mark, fmt::format("{}: '{}' is no parameter{}", what, entry.key,
                                    suggest(entry.key, parameter_names())));
  }
  for (const Node& item : items_of(entry.value, entry.key, "{reverse: [-R]}"))
    arguments.push_back({read_argument(item, what), entry.key});
}

std::vector<ProgramArgument> read_command(const Node& node, std::string_view what) {
  std::vector<ProgramArgument> arguments;
  ErrorList::for_each(items_of(node, what, "[./server, --port, \"{port}\"]"),
                      [&](const Node& item) {
                        if (item.type == Node::Type::map)
                          read_conditional_arguments(item, what, arguments);
                        else
                          arguments.push_back({read_argument(item, what)});
                      });
  const ProgramArgument& executable = arguments.front();
  if (executable.text.empty() || !executable.condition.empty() ||
      executable.text.find_first_of("{}") != std::string::npos)
    fail_at(node.items.front().mark,
            fmt::format("{}: the first word must be the executable, without placeholders", what));
  return arguments;
}

std::string read_regex(const Node& node, std::string_view what) {
  const std::string& text = read_text(node, what);
  try {
    if (const std::regex regex(text); what == "regex" && regex.mark_count() == 0)
      fail_at(node.mark, fmt::format("{}: '{}' has no group: put the figure in (…)", what, text));
  } catch (const std::regex_error& e) {
    fail_at(node.mark, fmt::format("{}: '{}' is no regular expression: {}", what, text, e.what()));
  }
  return text;
}

std::string read_pointer(const Node& node) {
  const std::string& text = read_text(node, "json");
  try {
    const nlohmann::json::json_pointer pointer(text);
  } catch (const nlohmann::json::exception&) {
    fail_at(node.mark,
            fmt::format("json: '{}' is no JSON pointer: write e.g. /end/bits_per_second", text));
  }
  return text;
}

double read_scale(const Node& node) {
  const std::string& text = read_text(node, "scale");
  const auto value = number_in(text);
  if (!value || *value == 0)
    fail_at(node.mark,
            fmt::format("scale: '{}' is not a number other than 0: write e.g. 1000 or 1e-6", text));
  return *value;
}

// Returns true if the server prints the figure.
bool read_of(const Node& node, bool has_server) {
  const std::string& end = read_text(node, "of");
  if (end != "server" && end != "client") fail_at(node.mark, "of must be client or server");
  if (end == "server" && !has_server) fail_at(node.mark, "of: this program has no server");
  return end == "server";
}

void read_result(const Node::Entry& entry, bool has_server, Program& program) {
  const Node& node = entry.value;
  ProgramFigure figure{.column = entry.key};
  bool is_of_server = false;
  ErrorList errors;
  errors.attempt(
      [&] { check_keys(node, fmt::format("result '{}'", entry.key), keys_of("result")); });
  if (errors.empty() && !node.find("json") == !node.find("regex"))
    errors.add_at(entry.mark, fmt::format("result '{}' needs either json or regex, which says "
                                          "where the figure is",
                                          entry.key));
  errors.read_key(node, "json", [&](const Node& n) { figure.json = read_pointer(n); });
  errors.read_key(node, "regex", [&](const Node& n) { figure.regex = read_regex(n, "regex"); });
  errors.read_key(node, "scale", [&](const Node& n) { figure.scale = read_scale(n); });
  errors.read_key(node, "of", [&](const Node& n) { is_of_server = read_of(n, has_server); });
  errors.throw_if_any();
  (is_of_server ? program.server : program.client).figures.push_back(std::move(figure));
  program.figure_locations.emplace_back(entry.key, entry.mark.to_string());
}

// Reads `results:`. Adds each figure to the end that prints it.
void read_results(const Node& node, bool has_server, Program& program) {
  if (node.type != Node::Type::map || node.entries.empty())
    fail_at(node.mark,
            "results must be a map from columns of trials.csv, e.g. {throughput_bps: "
            "{json: /end/bits_per_second}}");
  ErrorList::for_each(node.entries,
                      [&](const Node::Entry& entry) { read_result(entry, has_server, program); });
}

std::vector<int> read_exit_codes(const Node& node) {
  std::vector<int> codes;
  ErrorList::for_each(items_of(node, "exit_codes", "[0]"), [&](const Node& item) {
    codes.push_back(static_cast<int>(read_count(item, "exit_codes", 0, 255)));
  });
  return codes;
}

std::vector<std::pair<std::string, std::string>> read_environment(const Node& node) {
  if (node.type != Node::Type::map) fail_at(node.mark, "env must be a map, e.g. {THREADS: 2}");
  std::vector<std::pair<std::string, std::string>> variables;
  ErrorList::for_each(node.entries, [&](const Node::Entry& entry) {
    if (entry.key.empty() || entry.key.find('=') != std::string::npos)
      fail_at(entry.mark, fmt::format("env: '{}' is no name of a variable", entry.key));
    variables.emplace_back(entry.key, read_argument(entry.value, "env"));
  });
  return variables;
}

std::vector<std::string> read_files(const Node& node) {
  std::vector<std::string> files;
  ErrorList::for_each(items_of(node, "copy_files", "[./build/server]"), [&](const Node& item) {
    const std::string& file = read_text(item, "copy_files");
    if (file.empty() || file.starts_with('/') ||
        fmt::format("/{}/", file).find("/../") != std::string::npos)
      fail_at(item.mark,
              fmt::format("copy_files: '{}' is no relative path below this folder", file));
    files.push_back(file);
  });
  return files;
}

// Returns the parameters that the program honours: those that its commands name, and those of
// `parameters:`.
std::vector<std::string_view> read_parameters(const Node& node, const Program& program) {
  std::vector<std::string_view> names = parameters_named(program.client);
  const auto add = [&](std::string_view name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  for (const std::string_view name : parameters_named(program.server)) add(name);
  if (const Node* const more = node.find("parameters"))
    ErrorList::for_each(
        items_of(*more, "parameters", "[message_size, streams]"), [&](const Node& item) {
          const Parameter* const known = find_parameter(read_text(item, "parameters"));
          if (!known)
            fail_at(item.mark, fmt::format("parameters: '{}' is no parameter{}", item.scalar,
                                           suggest(item.scalar, parameter_names())));
          add(known->name);
        });
  const bool is_named = std::ranges::find(names, "warmup") != names.end();
  if (const Node* const warmup = node.find("warmup")) {
    if (read_choice(*warmup, "warmup") == "own")
      add("warmup");
    else if (is_named)
      fail_at(warmup->mark, "warmup: none, but a command names {warmup_s}");
  }
  return names;
}

void check_name(const Node::Entry& entry,
                const std::vector<std::shared_ptr<const Program>>& programs) {
  const std::regex plain(std::string(find_key("experiment", "name").pattern));
  if (!std::regex_match(entry.key, plain))
    fail_at(entry.mark,
            fmt::format("program name '{}' must be of letters, digits, '_' and '-'", entry.key));
  check_for_missing(entry.key, entry.mark, "program name");
  const auto engines = engine_names();
  if (std::ranges::find(engines, entry.key) != engines.end())
    fail_at(entry.mark, fmt::format("'{}' is an engine of pingperf: choose another name for the "
                                    "program",
                                    entry.key));
  for (const auto& program : programs)
    if (program->name == entry.key)
      fail_at(entry.mark, fmt::format("program '{}' is declared twice: also at {}", entry.key,
                                      program->location));
}

// Sets what both ends have in common.
void read_common(const Node& node, bool has_server, Program& program) {
  ProgramEnd common;
  ErrorList errors;
  errors.read_key(node, "env", [&](const Node& n) { common.environment = read_environment(n); });
  errors.read_key(node, "cwd", [&](const Node& n) { common.directory = read_text(n, "cwd"); });
  errors.read_key(node, "stop", [&](const Node& n) {
    common.stop_signal = stop_signal_from(read_choice(n, "stop"));
  });
  errors.read_key(node, "exit_codes",
                  [&](const Node& n) { common.exit_codes = read_exit_codes(n); });
  common.program = program.name;
  for (ProgramEnd* const end : {&program.client, &program.server}) {
    common.arguments = std::move(end->arguments);
    *end = common;
  }
  // `self` is about the server. A client that has to end early cannot know it.
  if (common.stop_signal == ProgramEnd::kEndsItself) program.client.stop_signal = SIGTERM;
  errors.read_key(node, "ready", [&](const Node& n) {
    if (!has_server) fail_at(n.mark, "ready: this program has no server");
    program.server.ready = read_ready(n);
  });
  errors.throw_if_any();
}

// Throws UsageError if the program cannot be started or said to listen.
void check_ends(const Node::Entry& entry) {
  const Node& node = entry.value;
  if (!node.find("kind"))
    fail_at(entry.mark, fmt::format("program '{}' has no kind: one of {}", entry.key,
                                    fmt::join(kind_names(), ", ")));
  if (!node.find("client"))
    fail_at(entry.mark, fmt::format("program '{}' has no client: add its command, e.g. client: "
                                    "[./client, \"{{address}}\", \"{{port}}\"]",
                                    entry.key));
}

void check_server_of(const Program& program, Transport transport, const Node* named) {
  const bool can_listen = has_port(transport) || is_unix(transport);
  if (!can_listen && !program.server.arguments.empty() &&
      program.server.ready.when == ProgramReady::When::listens)
    fail_at(named->mark, fmt::format("a server over {} has no port: add ready: {{line: REGEX}} or "
                                     "{{after: 200ms}}",
                                     name(transport)));
}

std::shared_ptr<const Program> read_program(const Node::Entry& entry,
                                            const std::filesystem::path& folder) {
  const Node& node = entry.value;
  const auto program = std::make_shared<Program>();
  program->name = entry.key;
  program->location = entry.mark.to_string();
  program->folder = folder;
  ErrorList errors;
  const bool has_right_keys = errors.attempt(
      [&] { check_keys(node, fmt::format("program '{}'", entry.key), keys_of("program")); });
  if (has_right_keys) errors.attempt([&] { check_ends(entry); });
  const bool has_server = !has_right_keys || node.find("server");  // it may be misspelt
  const auto read = [&](std::string_view key, auto read_value) {
    errors.read_key(node, key, read_value);
  };
  Kind kind = {};
  Transport transport = Transport::tcp;
  read("kind", [&](const Node& n) { kind = *kind_from(read_choice(n, "kind")); });
  read("transport",
       [&](const Node& n) { transport = *transport_from(read_choice(n, "transport")); });
  read("client", [&](const Node& n) { program->client.arguments = read_command(n, "client"); });
  read("server", [&](const Node& n) { program->server.arguments = read_command(n, "server"); });
  errors.attempt([&] { read_common(node, has_server, *program); });
  read("copy_files", [&](const Node& n) { program->copy_files = read_files(n); });
  read("results", [&](const Node& n) { read_results(n, has_server, *program); });
  errors.throw_if_any();  // what follows combines the values
  check_server_of(*program, transport, node.find("transport"));
  make_engine(*program, kind, transport, read_parameters(node, *program));
  return program;
}

}  // namespace

ProgramReady read_ready(const Node& node) {
  if (node.type == Node::Type::scalar && node.scalar == "port") return {};
  if (node.type != Node::Type::map)
    fail_at(node.mark, "ready must be port, {line: REGEX} or {after: 200ms}");
  check_keys(node, "ready", keys_of("ready"));
  if (node.entries.size() != 1)
    fail_at(node.mark, "ready must be port, {line: REGEX} or {after: 200ms}");
  if (const Node* const line = node.find("line"))
    return {.when = ProgramReady::When::line, .regex = read_regex(*line, "line")};
  constexpr Nanoseconds kMaxReadyTime = 10 * kSecond;
  const Node& after = *node.find("after");
  const Nanoseconds time = read_duration(after, "after");
  if (time > kMaxReadyTime) fail_at(after.mark, "after: a server is ready within 10 s");
  return {.when = ProgramReady::When::after, .after = time};
}

void read_programs(const Node& map, const std::filesystem::path& folder,
                   std::vector<std::shared_ptr<const Program>>& programs) {
  if (map.type != Node::Type::map || map.entries.empty())
    fail_at(map.mark, "programs must be a map with at least one program");
  ErrorList errors;
  for (const Node::Entry& entry : map.entries)
    errors.attempt([&] {
      check_name(entry, programs);
      programs.push_back(read_program(entry, folder));
    });
  errors.throw_if_any();
}

}  // namespace pingperf
