// UsageError: the input of the user is wrong.
#pragma once

#include <stdexcept>

namespace pingperf {

// One line that names the place, the error and the remedy. The program exits with 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace pingperf
