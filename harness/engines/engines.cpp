#include "harness/engines/engines.h"

#include <algorithm>

#include "harness/engines/iperf3.h"

namespace pingperf {

namespace {

std::vector<Engine>& added_engines() {
  static std::vector<Engine> engines;
  return engines;
}

}  // namespace

void add_engines(std::vector<Engine> engines) {
  added_engines() = std::move(engines);
}

std::span<const Engine* const> all_engines() {
  static const std::vector<const Engine*> engines = [] {
    std::vector<const Engine*> list(socket_engines().begin(), socket_engines().end());
    list.insert(list.end(), {&iperf3_tcp(), &iperf3_udp(), &iperf3_mptcp()});
    for (const Engine& engine : added_engines()) list.push_back(&engine);
    return list;
  }();
  return engines;
}

const Engine* find_engine(std::string_view name, Kind kind, Transport transport) {
  for (const Engine* engine : all_engines())
    if (engine->name == name && engine->kind == kind && engine->transport == transport)
      return engine;
  return nullptr;
}

std::vector<std::string_view> engine_names() {
  std::vector<std::string_view> names;
  for (const Engine* engine : all_engines())
    if (std::find(names.begin(), names.end(), engine->name) == names.end())
      names.push_back(engine->name);
  return names;
}

}  // namespace pingperf
