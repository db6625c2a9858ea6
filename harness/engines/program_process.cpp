#include "harness/engines/program_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "harness/base/io.h"
#include "sockets/core/error.h"
#include "sockets/core/io.h"

namespace pingperf {
namespace {

// Reads what a non-blocking pipe has. Closes it at its end.
std::string read_available(Fd& pipe) {
  std::string bytes;
  errno = 0;  // the end of a stream does not set it
  if (pipe && !read_some(pipe.get(), bytes) && errno != EAGAIN) pipe = Fd();
  return bytes;
}

// Reads what the pipe has now. A descendant that left the group may print for ever.
void read_rest(const Fd& pipe, const std::function<std::size_t()>& read) {
  int left = 0;
  if (!pipe || ::ioctl(pipe.get(), FIONREAD, &left) != 0) return;
  while (left > 0) {
    const std::size_t size = read();
    if (size == 0) return;
    left -= static_cast<int>(size);
  }
}

}  // namespace

ProgramProcess::ProgramProcess(const ProgramEnd& end, const std::vector<std::string>& arguments,
                               std::vector<std::pair<std::string, std::string>> environment,
                               std::function<void(std::string_view)> on_output,
                               std::function<void(std::string_view)> on_error)
    : on_output_(std::move(on_output)), on_error_(std::move(on_error)) {
  Pipe output = make_pipe(), errors = make_pipe();
  const Fd nothing(check(::open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null"));
  const Fd in = duplicate(nothing.get());
  process_ = Process(arguments, {.redirects = {{in.get(), STDIN_FILENO},
                                               {output.write.get(), STDOUT_FILENO},
                                               {errors.write.get(), STDERR_FILENO}},
                                 .is_foreign = true,
                                 .directory = end.directory,
                                 .environment = std::move(environment)});
  for (const Fd* const pipe : {&output.read, &errors.read})
    check(::fcntl(pipe->get(), F_SETFL, O_NONBLOCK), "fcntl");
  output_ = std::move(output.read);
  error_output_ = std::move(errors.read);
  pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, process_.pid(), 0)));
}

std::size_t ProgramProcess::read_output() {
  const std::string bytes = read_available(output_);
  if (!bytes.empty()) on_output_(bytes);
  return bytes.size();
}

std::size_t ProgramProcess::read_errors() {
  const std::string bytes = read_available(error_output_);
  errors_.add(bytes);
  if (!bytes.empty()) on_error_(bytes);
  return bytes.size();
}

std::optional<int> ProgramProcess::pump(Nanoseconds deadline, int wake) {
  constexpr Nanoseconds kPollOfStatus = 20 * kMillisecond;  // without a pidfd
  do {
    pollfd set[] = {{output_.get(), POLLIN, 0},
                    {error_output_.get(), POLLIN, 0},
                    {pidfd_.get(), POLLIN, 0},
                    {wake, POLLIN, 0}};
    ::poll(set, std::size(set),
           poll_ms(pidfd_ ? deadline : std::min(deadline, now_ns() + kPollOfStatus)));
    read_output();
    read_errors();
    if (const auto status = process_.wait_until(0)) {
      end();
      return status;
    }
    if (set[3].revents != 0) break;
  } while (now_ns() < deadline);
  return std::nullopt;
}

void ProgramProcess::signal(int number) noexcept {
  if (process_.pid() > 0 && !has_ended_) ::kill(-process_.pid(), number);
}

int ProgramProcess::end() noexcept {
  signal(SIGKILL);
  const int status = process_.end();
  has_ended_ = true;
  read_rest(output_, [this]() { return read_output(); });
  read_rest(error_output_, [this]() { return read_errors(); });
  return status;
}

}  // namespace pingperf
