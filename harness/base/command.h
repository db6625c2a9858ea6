// Runs short commands of the system, such as ip(8), and returns their output.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "sockets/core/clock.h"

namespace pingperf {

// A command could not be run or failed. Names the command and its last error line.
class CommandError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Runs argv[0], searched in PATH, and returns its stdout. Its stdin is `input`, or empty. Throws
// CommandError when it cannot be run, does not exit with 0, prints more than 1 MiB, or takes longer
// than `limit`.
std::string run_command(const std::vector<std::string>& argv, int input = -1,
                        Nanoseconds limit = 10 * kSecond);

}  // namespace pingperf
