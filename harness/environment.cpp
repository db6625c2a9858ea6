#include "harness/environment.h"

#include <fmt/format.h>

#include <fstream>

#include "harness/version.h"

namespace pingperf {

std::string environment_json(const std::vector<std::string>& command_line,
                             const Overrides& overrides, const AgentHello& client,
                             const AgentHello& server) {
  const Json environment = {
      {"pingperf",
       {{"version", version()},
        {"git", git_commit()},
        {"compiler", compiler()},
        {"build_type", build_type()}}},
      {"command_line", command_line},
      {"overrides", {{"set", overrides.set}, {"only", overrides.only}}},
      {"hosts", {{"client", client.host}, {"server", server.host}}},
  };
  return environment.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Overrides recorded_overrides(const std::filesystem::path& run) {
  const std::filesystem::path file = run / "environment.json";
  std::ifstream in(file);
  if (!in)
    throw UsageError(fmt::format("{}: cannot be read: is {} the directory of a run?", file.string(),
                                 run.string()));
  try {
    const Json overrides = Json::parse(in).at("overrides");
    return {overrides.at("set").get<std::vector<std::string>>(),
            overrides.at("only").get<std::string>()};
  } catch (const Json::exception& e) {
    throw UsageError(fmt::format("{}: damaged: {}", file.string(), e.what()));
  }
}

}  // namespace pingperf
