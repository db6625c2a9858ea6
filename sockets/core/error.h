// Errors of set-up: thrown by constructors, never from a hot loop.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace pingperf {

// Returns `result`, or throws std::system_error with errno and `what` when it is negative.
inline int check(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

}  // namespace pingperf
