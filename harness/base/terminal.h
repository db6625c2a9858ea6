// The width of the terminal.
#pragma once

#include <cstddef>

namespace pingperf {

// Returns the number of columns of the terminal `fd`: COLUMNS if it is exported, else the
// terminal's own number, else 80.
std::size_t terminal_width(int fd);

}  // namespace pingperf
