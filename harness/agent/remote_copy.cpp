#include "harness/agent/remote_copy.h"

#include <fcntl.h>

#include <filesystem>
#include <utility>

#include "harness/base/command.h"
#include "sockets/core/fd.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kLimit = 120 * kSecond;  // copies some megabytes over a slow line

std::string first_word(const std::string& text) {
  return text.substr(0, text.find_first_of(" \n"));
}

}  // namespace

RemoteCopy::RemoteCopy(std::vector<std::string> launch) : launch_(std::move(launch)) {
  const std::string line = run({"mktemp", "-d", "/tmp/pingperf-XXXXXXXXXX"});
  directory_ = first_word(line);
  if (!directory_.starts_with("/tmp/pingperf-"))
    throw CommandError("mktemp on the host printed '" + directory_ +
                       "': does a shell's start-up file print text?");
  try {
    copy();
  } catch (...) {
    remove();
    throw;
  }
}

void RemoteCopy::copy() const {
  const std::string executable = std::filesystem::read_symlink("/proc/self/exe");
  const Fd self(::open(executable.c_str(), O_RDONLY | O_CLOEXEC));
  run({"dd", "of=" + path(), "bs=65536"}, self.get());
  run({"chmod", "700", path()});
  const std::string ours = first_word(run_command({"sha256sum", executable}));
  if (first_word(run({"sha256sum", path()})) != ours)
    throw CommandError("the copy has another checksum than this executable: " + path());
}

void RemoteCopy::remove() noexcept {
  try {
    run({"rm", "-r", "-f", directory_});
  } catch (const std::exception&) {  // the host cannot be reached any more
  }
}

std::string RemoteCopy::run(const std::vector<std::string>& arguments, int input) const {
  std::vector<std::string> command = launch_;
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_command(command, input, kLimit);
}

}  // namespace pingperf
