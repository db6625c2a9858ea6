// Facts about this build of pingperf.
#pragma once

#include <string_view>

namespace pingperf {

std::string_view version();     // "0.1.0"; controller and agent must agree on it
std::string_view git_commit();  // git describe of the sources; empty outside a checkout
std::string_view compiler();    // "GNU 12.2.0"
std::string_view build_type();  // CMAKE_BUILD_TYPE

}  // namespace pingperf
