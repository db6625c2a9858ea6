// Other tools that measure networks: how to run each of them on a setting over loopback and read
// its figures. A new tool is an entry of the table in tools.cpp.
#pragma once

#include <map>
#include <span>
#include <string>

#include "sockets/core/options.h"

namespace pingperf {

// The work that every tool of a setting does.
struct Setting {
  std::string name;
  Kind kind;  // latency: round trips of 64 bytes; throughput: one stream or flow, one way
  Transport transport;
  bool spins;  // polls instead of sleeping
  unsigned client_cpu, server_cpu;
};

inline constexpr std::size_t kPingSize = 64;
inline constexpr std::size_t kStreamSize = 131072;
inline constexpr std::size_t kDatagramSize = 1400;

inline std::size_t size_of(const Setting& setting) {
  if (setting.kind == Kind::latency) return kPingSize;
  return setting.transport == Transport::tcp ? kStreamSize : kDatagramSize;
}

// Column name in trials.csv -> value in the unit of the column.
using Figures = std::map<std::string, double>;

struct Tool {
  const char* name;  // of the program and the Debian package
  const char* note;  // how its figures differ from its output; empty: they do not
  bool (*serves)(const Setting&);
  // Runs the tool for so many seconds. Throws std::runtime_error.
  Figures (*run)(const Setting&, unsigned seconds);
};

std::span<const Tool> peer_tools();

bool is_installed(const Tool& tool);
// Returns the version of its Debian package.
std::string version_of(const Tool& tool);

}  // namespace pingperf
