#include "harness/base/command.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/io.h"
#include "harness/base/lines.h"
#include "harness/base/process.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxOutput = 1 << 20;

}  // namespace

std::string run_command(const std::vector<std::string>& argv, int input, Nanoseconds limit) {
  Pipe out = make_pipe(), errors = make_pipe();
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd in = duplicate(input < 0 ? nothing.get() : input);
  Process process(argv, {{in.get(), 0}, {out.write.get(), 1}, {errors.write.get(), 2}},
                  Lifetime::of_parent);
  out.write = {};
  errors.write = {};
  const auto fail = [&](const std::string& what) {
    throw CommandError(fmt::format("{}: {}", command_line(argv), what));
  };
  std::string text;
  Tail error_lines;
  const Nanoseconds end = now_ns() + limit;
  pollfd set[] = {{out.read.get(), POLLIN, 0}, {errors.read.get(), POLLIN, 0}};
  for (bool is_open = true; is_open;) {
    if (now_ns() > end) fail("takes too long");
    if (text.size() > kMaxOutput) fail("prints too much");
    ::poll(set, 2, 100);
    if (set[1].revents != 0) error_lines.drain(errors.read.get());
    if ((set[1].revents & POLLHUP) != 0) set[1].fd = -1;  // a closed pipe would keep poll() awake
    if (set[0].revents != 0) is_open = read_some(out.read.get(), text);
  }
  const std::optional<int> status = process.wait_until(end);
  error_lines.drain(errors.read.get());
  if (!status) fail("takes too long");
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    const std::string line = error_lines.last_line();
    fail(line.empty() ? "failed" : line);
  }
  return text;
}

}  // namespace pingperf
