// The terminal that output goes to.
#pragma once

#include <cstddef>

namespace pingperf {

// Returns the number of columns of the terminal `fd`: COLUMNS where it is exported, else what the
// terminal reports, else 80.
std::size_t terminal_width(int fd);

}  // namespace pingperf
