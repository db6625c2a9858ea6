// UsageError: wrong input of the user.
#pragma once

#include <stdexcept>

namespace pingperf {

// One line that names the place, what is wrong, and what would be right. Ends in exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace pingperf
