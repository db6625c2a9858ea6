#include "harness/base/terminal.h"

#include <sys/ioctl.h>

#include <cstdlib>

#include "harness/base/units.h"

namespace pingperf {

std::size_t terminal_width(int fd) {
  if (const char* const columns = std::getenv("COLUMNS"))
    if (const auto width = parse_count(columns); width && *width > 0) return *width;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace pingperf
