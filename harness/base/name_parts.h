// The parts of a case's name.
#pragma once

#include <string>
#include <vector>

namespace pingperf {

// Returns the parts of a case's name: "bulk", "engine=epoll". A part without a "=" behind the first
// belongs to a value that contains a "/".
std::vector<std::string> name_parts(const std::string& name);

}  // namespace pingperf
