// What a host is, as far as it matters to what is measured on it.
#pragma once

#include <nlohmann/json.hpp>

namespace pingperf {

// An object of facts about this host and this build. What cannot be read here is left out.
nlohmann::json host_facts();

}  // namespace pingperf
