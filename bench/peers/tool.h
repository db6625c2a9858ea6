// Tools that measure networks as we do: how each is run on one setting over loopback, and what it
// says. A new one is an entry of the table in tools.cpp.
#pragma once

#include <map>
#include <span>
#include <string>

#include "sockets/core/options.h"

namespace pingperf {

// Work that all tools of a setting do alike.
struct Setting {
  std::string name;
  Kind kind;  // latency: round trips of 64 bytes; throughput: one stream or flow, one way
  Transport transport;
  bool spins;  // asks again and again instead of sleeping
  unsigned client_cpu, server_cpu;
};

inline constexpr std::size_t kPingSize = 64;
inline constexpr std::size_t kStreamSize = 131072;
inline constexpr std::size_t kDatagramSize = 1400;

inline std::size_t size_of(const Setting& setting) {
  if (setting.kind == Kind::latency) return kPingSize;
  return setting.transport == Transport::tcp ? kStreamSize : kDatagramSize;
}

// By the name that the figure has in trials.csv, in its unit.
using Figures = std::map<std::string, double>;

struct Tool {
  const char* name;  // of its program, and of its Debian package
  const char* note;  // beside its figures: what is not as it prints them; empty: nothing
  bool (*serves)(const Setting&);
  // Runs it for so many seconds. Throws std::runtime_error.
  Figures (*run)(const Setting&, unsigned seconds);
};

std::span<const Tool> peer_tools();

bool is_installed(const Tool& tool);
// Of its Debian package.
std::string version_of(const Tool& tool);

}  // namespace pingperf
