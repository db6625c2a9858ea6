#include "harness/launchers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/channel.h"
#include "harness/lines.h"

namespace pingperf {
namespace {

// As a shell would take it, so that what is one word looks like one.
std::string quoted(const std::string& word) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("-_./:=@,+%").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return word;
  std::string text;
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return fmt::format("'{}'", escaped(text));
}

std::string one_line(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const std::string& word : words) all.push_back(quoted(word));
  return fmt::format("{}", fmt::join(all, " "));
}

}  // namespace

std::vector<Launcher> launchers_of(const Experiment& experiment) {
  std::set<std::size_t> pairs;
  for (const Case& c : experiment.cases) pairs.insert(c.pair);
  std::vector<Launcher> launchers;
  for (const std::size_t pair : pairs)
    for (const Host* const host :
         {&experiment.hosts[pair].client, &experiment.hosts[pair].server}) {
      if (host->launch.empty() && host->pingperf.empty()) continue;
      const std::string command = one_line(agent_command(host->launch, host->pingperf));
      const bool is_known = std::any_of(launchers.begin(), launchers.end(),
                                        [&](const Launcher& l) { return l.command == command; });
      if (!is_known) launchers.push_back({host->place, command});
    }
  return launchers;
}

void refuse_launchers(const Experiment& experiment) {
  const std::vector<Launcher> launchers = launchers_of(experiment);
  if (launchers.empty()) return;
  throw UsageError(fmt::format("{}: --no-launch: this host is reached by running: {}",
                               launchers.front().place, launchers.front().command));
}

}  // namespace pingperf
