// pingperf init: writes a commented experiment to start from.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "harness/base/io.h"
#include "harness/base/usage_error.h"
#include "sockets/core/fd.h"
#include "tools/commands.h"
#include "tools/starters.h"

namespace pingperf {

int init_command(const std::string& starter, std::string file) {
  if (file == "-") {
    fmt::print("{}", starter_text(starter));
    return 0;
  }
  if (file.empty()) file = starter + ".yaml";
  const Fd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!out && errno == EEXIST)
    throw UsageError(fmt::format(
        "{}: exists already and is not overwritten: name another file with -o FILE", file));
  if (!out) throw UsageError(fmt::format("{}: {}", file, std::strerror(errno)));
  write_all(out.get(), starter_text(starter), file);
  fmt::print("wrote {}; next: pingperf check {}\n", file, file);
  return 0;
}

}  // namespace pingperf
