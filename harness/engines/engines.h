// The engines that an experiment can name: those of sockets/ and libiperf.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sockets/transport/engine.h"

namespace pingperf {

// Adds more, before the list is first asked for: those of a test program, never the product's.
void add_engines(std::vector<Engine> engines);

// All of them, families together, in the order of `pingperf engines`.
std::span<const Engine* const> all_engines();

// The one of that name for the kind and transport, or null.
const Engine* find_engine(std::string_view name, Kind kind, Transport transport);

// The names of families, without repeats.
std::vector<std::string_view> engine_names();

}  // namespace pingperf
