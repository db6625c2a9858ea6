#include "harness/results/environment.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <random>

#include "harness/base/io.h"
#include "harness/base/json.h"
#include "harness/base/version.h"
#include "harness/results/run_directory.h"

namespace pingperf {

namespace {

Json json_of(const PairFacts& pair) {
  return {{"client", parse_json(pair.client)}, {"server", parse_json(pair.server)}};
}

Json session(const std::vector<std::string>& command_line, const std::vector<PairFacts>& hosts,
             const Json& doctor) {
  Json session = {
      {"pingperf",
       {{"version", version()},
        {"git", git_commit()},
        {"compiler", compiler()},
        {"build_type", build_type()}}},
      {"command_line", command_line},
      {"hosts", json_of(hosts.front())},
      {"doctor", doctor},
  };
  if (hosts.size() > 1)
    for (const PairFacts& pair : hosts)
      session["pairs"][std::to_string(pair.number)] = json_of(pair);
  return session;
}

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Returns the facts of the host of one end.
Json facts_of(const Json& environment, const std::string& end) {
  const Json hosts = environment.value("hosts", Json::object());
  return hosts.is_object() ? hosts.value(end, Json::object()) : Json::object();
}

}  // namespace

Json recorded_environment(const std::filesystem::path& run) {
  const std::filesystem::path file = run / "environment.json";
  const std::optional<std::string> text = read_file(file);
  if (!text) {
    const std::string latest = suggest_latest(run);
    throw UsageError(fmt::format(
        "{}: cannot be read: {}", file.string(),
        latest.empty() ? fmt::format("is {} the directory of a run?", run.string()) : latest));
  }
  try {
    Json environment = parse_json(*text);
    if (environment.is_object()) return environment;
  } catch (const JsonError& e) {
    throw UsageError(fmt::format("{}: damaged: {}", file.string(), e.what()));
  }
  throw UsageError(fmt::format("{}: damaged: not an object", file.string()));
}

namespace {

// Returns the recorded overrides, of which runs of older versions have one glob at most: a text.
Json overrides_of(const Json& environment) {
  Json overrides = environment.value("overrides", Json());
  if (!overrides.is_object()) return overrides;
  if (const Json only = overrides.value("only", Json()); only.is_string())
    overrides["only"] = only == "" ? Json::array() : Json::array({only});
  return overrides;
}

// Returns the overrides without the labels, which name a run and do not change it.
Json overrides_in(const Json& environment) {
  Json overrides = overrides_of(environment);
  if (!overrides.is_object() || !overrides.contains("set") || !overrides["set"].is_array())
    return overrides;
  std::erase_if(overrides["set"].get_ref<Json::array_t&>(), [](const Json& set) {
    return set.is_string() && set.get<std::string>().starts_with("labels.");
  });
  return overrides;
}

// Returns the overrides by an option; null if they are not known.
Json value_in(const Json& overrides, const char* key) {
  return overrides.is_object() ? overrides.value(key, Json()) : Json();
}

// Returns 16 hexadecimal digits that no other run has.
std::string new_run_id() {
  std::random_device random;
  const std::uint64_t high = random(), low = random();
  return fmt::format("{:016x}", high << 32 ^ low);
}

}  // namespace

std::string environment_json(const std::vector<std::string>& command_line,
                             const Overrides& overrides, const std::vector<PairFacts>& hosts,
                             const Json& doctor, const Json& lab) {
  Json environment = session(command_line, hosts, doctor);
  if (!lab.is_null()) environment["lab"] = lab;
  environment["overrides"] = {{"set", overrides.set}, {"only", overrides.only}};
  if (overrides.folders)
    environment["folders"] = {{"experiment", overrides.folders->file.string()},
                              {"command", overrides.folders->command.string()}};
  environment["run_id"] = new_run_id();
  return text_of(environment);
}

Json readable_environment(const std::filesystem::path& run) {
  Json environment = Json::parse(read_file(run / "environment.json").value_or(""), nullptr, false);
  return environment.is_object() ? environment : Json();
}

std::string resumed_environment_json(const std::filesystem::path& run,
                                     const std::vector<std::string>& command_line,
                                     const std::vector<PairFacts>& hosts, const Json& doctor) {
  Json environment = recorded_environment(run);
  environment["resumed"].push_back(session(command_line, hosts, doctor));
  return text_of(environment);
}

void record_set(const std::filesystem::path& run, const std::string& set, std::uint64_t session,
                std::uint64_t sessions) {
  Json environment = recorded_environment(run);
  environment["set"] = {{"name", set}, {"session", session}, {"sessions", sessions}};
  write_file_atomically(run / "environment.json", text_of(environment));
}

std::vector<std::string> environment_differences(const std::filesystem::path& base,
                                                 const std::filesystem::path& new_run) {
  for (const std::filesystem::path& run : {base, new_run})
    if (!std::filesystem::exists(run / "environment.json"))
      return {fmt::format("{} has no environment.json: what differs is not known", run.string())};
  const Json before = recorded_environment(base), after = recorded_environment(new_run);
  std::vector<std::string> lines;
  const auto experiment_in = [](const std::filesystem::path& run) {
    return read_file(run / "experiment.yaml").value_or("");
  };
  if (experiment_in(base) != experiment_in(new_run))
    lines.emplace_back("experiment.yaml: not the same text");
  const Json old_overrides = overrides_in(before), overrides = overrides_in(after);
  for (const char* const key : {"set", "only"}) {
    const Json old = value_in(old_overrides, key), value = value_in(overrides, key);
    if (!old.is_null() && !value.is_null() && old != value)
      lines.push_back(fmt::format("--{}: {}, now {}", key, old.dump(), value.dump()));
  }
  for (const char* const end : {"client", "server"}) {
    const Json old_facts = facts_of(before, end), facts = facts_of(after, end);
    if (!old_facts.is_object() || !facts.is_object()) continue;
    for (const auto& [key, value] : facts.items()) {
      if (key == "boot_id") continue;  // differs after each boot
      const Json old = old_facts.value(key, Json());
      std::string line = fmt::format("{}: {}, now {}", key, old.dump(), value.dump());
      const bool is_said = std::find(lines.begin(), lines.end(), line) != lines.end();
      if (!old.is_null() && old != value && !is_said) lines.push_back(std::move(line));
    }
  }
  return lines;
}

Overrides recorded_overrides(const std::filesystem::path& run) {
  try {
    const Json environment = recorded_environment(run);
    const Json recorded = overrides_of(environment);
    Overrides overrides{.stored_run = true};
    overrides.set = recorded.at("set").get<std::vector<std::string>>();
    overrides.only = recorded.at("only").get<std::vector<std::string>>();
    if (const auto folders = environment.find("folders"); folders != environment.end())
      overrides.folders = Folders{folders->at("experiment").get<std::string>(),
                                  folders->at("command").get<std::string>()};
    else
      overrides.folders = folders_of("-");
    return overrides;
  } catch (const Json::exception& e) {
    throw UsageError(fmt::format("{}: damaged: {}", (run / "environment.json").string(), e.what()));
  }
}

}  // namespace pingperf
