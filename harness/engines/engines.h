// The engines that an experiment can name: the engines of sockets/, and libiperf.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sockets/transport/engine.h"

namespace pingperf {

// Adds the engines of a test program. Must be called before all_engines().
void add_engines(std::vector<Engine> engines);

// Returns all engines in the order of `pingperf engines`: engines of one name are neighbours.
std::span<const Engine* const> all_engines();

// Returns the engine of that name for the kind and transport, or null.
const Engine* find_engine(std::string_view name, Kind kind, Transport transport);

// Returns each name once.
std::vector<std::string_view> engine_names();

}  // namespace pingperf
