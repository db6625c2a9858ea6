#include "harness/agent/remote_copy.h"

#include <fcntl.h>

#include <filesystem>
#include <utility>

#include "harness/base/command.h"
#include "sockets/core/fd.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kLimit = 120 * kSecond;  // for some megabytes over a slow line

std::string first_word(const std::string& text) {
  return text.substr(0, text.find_first_of(" \n"));
}

}  // namespace

RemoteCopy::RemoteCopy(std::vector<std::string> launch) : launch_(std::move(launch)) {
  const std::string line = there({"mktemp", "-d", "/tmp/pingperf-XXXXXXXXXX"});
  directory_ = first_word(line);
  if (!directory_.starts_with("/tmp/pingperf-"))
    throw CommandError("mktemp there answers '" + directory_ + "': something else prints first");
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
  there({"dd", "of=" + path(), "bs=65536"}, self.get());
  there({"chmod", "700", path()});
  const std::string ours = first_word(run_command({"sha256sum", executable}));
  if (first_word(there({"sha256sum", path()})) != ours)
    throw CommandError("what arrived there is not what was sent: " + path());
}

void RemoteCopy::remove() noexcept {
  try {
    there({"rm", "-r", "-f", directory_});
  } catch (const std::exception&) {  // the host is gone, and with it the way to tidy up
  }
}

std::string RemoteCopy::there(const std::vector<std::string>& words, int input) const {
  std::vector<std::string> command = launch_;
  command.insert(command.end(), words.begin(), words.end());
  return run_command(command, input, kLimit);
}

}  // namespace pingperf
