// Errors of set-up: constructors throw them, measuring loops do not.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace pingperf {

// Returns `result`. Throws std::system_error with errno and `what` if it is negative.
inline int check(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

}  // namespace pingperf
