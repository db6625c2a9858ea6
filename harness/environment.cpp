#include "harness/environment.h"

#include <fmt/format.h>

#include <fstream>

#include "harness/version.h"

namespace pingperf {

namespace {

Json session(const std::vector<std::string>& command_line, const AgentHello& client,
             const AgentHello& server) {
  return {
      {"pingperf",
       {{"version", version()},
        {"git", git_commit()},
        {"compiler", compiler()},
        {"build_type", build_type()}}},
      {"command_line", command_line},
      {"hosts", {{"client", client.host}, {"server", server.host}}},
  };
}

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json read(const std::filesystem::path& run) {
  const std::filesystem::path file = run / "environment.json";
  std::ifstream in(file);
  if (!in)
    throw UsageError(fmt::format("{}: cannot be read: is {} the directory of a run?", file.string(),
                                 run.string()));
  try {
    return Json::parse(in);
  } catch (const Json::exception& e) {
    throw UsageError(fmt::format("{}: damaged: {}", file.string(), e.what()));
  }
}

}  // namespace

std::string environment_json(const std::vector<std::string>& command_line,
                             const Overrides& overrides, const AgentHello& client,
                             const AgentHello& server) {
  Json environment = session(command_line, client, server);
  environment["overrides"] = {{"set", overrides.set}, {"only", overrides.only}};
  return text_of(environment);
}

std::string resumed_environment_json(const std::filesystem::path& run,
                                     const std::vector<std::string>& command_line,
                                     const AgentHello& client, const AgentHello& server) {
  Json environment = read(run);
  environment["resumed"].push_back(session(command_line, client, server));
  return text_of(environment);
}

Overrides recorded_overrides(const std::filesystem::path& run) {
  try {
    const Json overrides = read(run).at("overrides");
    return {overrides.at("set").get<std::vector<std::string>>(),
            overrides.at("only").get<std::string>()};
  } catch (const Json::exception& e) {
    throw UsageError(fmt::format("{}: damaged: {}", (run / "environment.json").string(), e.what()));
  }
}

}  // namespace pingperf
