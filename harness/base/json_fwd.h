// Declares Json. A file that reads or makes values includes harness/base/json.h.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace pingperf {

using Json = nlohmann::json;

}  // namespace pingperf
