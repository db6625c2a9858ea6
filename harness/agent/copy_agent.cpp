#include "harness/agent/copy_agent.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "harness/base/command.h"
#include "harness/base/interrupt.h"
#include "harness/base/io.h"
#include "harness/base/lines.h"
#include "harness/base/print_message.h"
#include "harness/base/process.h"
#include "harness/base/version.h"
#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/transport/token.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 64 * 1024;
constexpr std::string_view kOwnLine = "pingperf-copy: own", kSendLine = "pingperf-copy: send";

// Returns how `pingperf --version` begins: with the version and the commit.
std::string version_line() {
  return fmt::format("pingperf {} ({},", version(), git_commit());
}

bool is_this_version(const std::string& program) {
  try {
    return ::access(program.c_str(), X_OK) == 0 &&
           run_command({program, "--version"}).starts_with(version_line());
  } catch (const CommandError&) {
    return false;
  }
}

std::string own_machine() {
  utsname names{};
  ::uname(&names);
  return names.machine;
}

std::string quoted(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// The launcher's process and its pipes.
class LauncherProcess {
 public:
  explicit LauncherProcess(std::vector<std::string> command) {
    command.emplace_back("sh");
    Pipe in = make_pipe(), out = make_pipe();
    process_ = Process(command, {{in.read.get(), STDIN_FILENO}, {out.write.get(), STDOUT_FILENO}},
                       Lifetime::own);  // it ends after the end of its stdin
    in_ = std::move(in.write);
    out_ = std::move(out.read);
    ::signal(SIGINT, SIG_IGN);
  }

  // Returns false if the launcher has ended.
  bool send(std::string_view text) { return pass(in_.get(), text); }

  // Sends a program, filled up with zeros to whole blocks.
  void send_program(const std::string& program, std::size_t blocks) {
    const Fd file(check(::open(program.c_str(), O_RDONLY | O_CLOEXEC), program));
    std::string bytes;
    for (std::size_t i = 0; i < blocks; ++i) {
      bytes.clear();
      while (bytes.size() < kBlock && read_some(file.get(), bytes)) {
      }
      bytes.resize(kBlock);
      if (!send(bytes)) return;
    }
  }

  // Returns the first line, or nothing at the deadline or at the end of the stream.
  std::optional<std::string> first_line(Nanoseconds deadline) {
    for (;;) {
      if (auto line = lines_.next()) return line;
      pollfd p{out_.get(), POLLIN, 0};
      if (::poll(&p, 1, poll_ms(deadline)) <= 0 && now_ns() >= deadline) return std::nullopt;
      if (p.revents != 0 && !lines_.read_from(out_.get())) return std::nullopt;
    }
  }

  // Passes bytes on in both directions until the agent closes its stdout.
  void relay() {
    pass(STDOUT_FILENO, lines_.rest());
    std::array<pollfd, 3> set = {
        pollfd{STDIN_FILENO, POLLIN, 0}, {out_.get(), POLLIN, 0}, {interrupt_.fd(), POLLIN, 0}};
    for (;;) {
      if (::poll(set.data(), set.size(), -1) < 0) continue;
      if (set[2].revents != 0) {  // srun ends its job after SIGTERM, not after SIGKILL
        ::kill(process_.pid(), SIGTERM);
        set[2].fd = set[0].fd = -1;
        in_ = Fd();
      }
      if (set[0].revents != 0 && set[0].fd >= 0 && !move(STDIN_FILENO, in_.get())) {
        set[0].fd = -1;
        in_ = Fd();
      }
      if (set[1].revents != 0 && !move(out_.get(), STDOUT_FILENO)) return;
    }
  }

  bool has_ended() { return process_.wait_until(now_ns() + 100 * kMillisecond).has_value(); }

  // Waits for the end, and requests it after a second. Returns the exit status.
  int end() {
    in_ = Fd();
    std::optional<int> status = process_.wait_until(now_ns() + kSecond);
    if (!status) {
      ::kill(process_.pid(), SIGTERM);
      status = process_.wait_until(now_ns() + kSecond);
    }
    return status && WIFEXITED(*status) ? WEXITSTATUS(*status) : 1;
  }

 private:
  static bool pass(int to, std::string_view bytes) {
    try {
      write_all(to, bytes);
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  static bool move(int from, int to) {
    std::string bytes;
    return read_some(from, bytes) && pass(to, bytes);
  }

  Interrupt interrupt_;
  Process process_;
  Fd in_;
  Fd out_;
  LineBuffer lines_{kBlock};
};

// Returns the static build of this version that is beside this program (pingperf-static), else this
// program.
std::string program_to_copy() {
  const fs::path own = own_program();
  const fs::path linked_statically = own.parent_path() / "pingperf-static";
  return is_this_version(linked_statically) ? linked_statically : own;
}

}  // namespace

// Each step of the loop requires the former. An empty program cannot be started on a file system
// that is mounted noexec, and zeros show whether the copy has room.
std::string copy_script(const std::string& path, const std::string& folder, std::size_t blocks) {
  constexpr std::string_view kScript = R"sh(own={own}
case $("$own" --version 2>/dev/null </dev/null) in {version}*) echo '{own_line}'; exec "$own" agent;; esac
machine=$(uname -m 2>/dev/null) || machine={machine}
if [ "$machine" != {machine} ]; then
echo "this host is $machine, and the pingperf to copy is for {machine}: install pingperf there" >&2
exit 1
fi
umask 077
for folder in "${{TMPDIR:-/tmp}}" /tmp /dev/shm "${{XDG_RUNTIME_DIR:-/run}}" /var/tmp "${{HOME:-/root}}" "$PWD"; do
copy=$folder/{folder}
file=$copy/pingperf
mkdir "$copy" 2>/dev/null || continue
if {{ printf '' >"$file" && chmod 700 "$file" && "$file" </dev/null &&
dd if=/dev/zero of="$file" bs={block} count={blocks}; }} 2>/dev/null; then
echo '{send_line}'
dd of="$file" bs={block} count={blocks} iflag=fullblock 2>/dev/null
"$file" --version >/dev/null </dev/null && {variable}=$copy exec "$file" agent
rm -r "$copy"
echo 'the copy of pingperf does not run there: tools/setup static makes one that requires no libraries' >&2
exit 1
fi
rm -r "$copy"
done
echo 'no folder takes a copy of pingperf ({size} KiB): /tmp, /dev/shm, /run, /var/tmp and $HOME are missing, full or noexec' >&2
exit 1
)sh";
  // In braces, so that sh reads all of it before it runs any, and leaves what follows to dd.
  return fmt::format(fmt::runtime("{{\n" + std::string(kScript) + "}}\n"),
                     fmt::arg("own", quoted(path)), fmt::arg("version", quoted(version_line())),
                     fmt::arg("own_line", kOwnLine), fmt::arg("machine", own_machine()),
                     fmt::arg("folder", folder), fmt::arg("block", kBlock),
                     fmt::arg("blocks", blocks), fmt::arg("send_line", kSendLine),
                     fmt::arg("variable", kCopyVariable), fmt::arg("size", blocks * kBlock / 1024));
}

int run_copy_agent(const std::string& path, const std::vector<std::string>& launch,
                   Nanoseconds timeout) {
  ::signal(SIGPIPE, SIG_IGN);
  LauncherProcess launcher(launch);
  try {
    const std::string program = program_to_copy();
    const std::size_t blocks = (fs::file_size(program) + kBlock - 1) / kBlock;
    launcher.send(copy_script(path, "pingperf-" + to_hex(mint_token()), blocks));
    const auto line = launcher.first_line(now_ns() + timeout);
    if (line == kSendLine) {
      launcher.send_program(program, blocks);
    } else if (line && line != kOwnLine) {  // a banner, which the controller reports
      fmt::print("{}\n", *line);
      std::fflush(stdout);
    }
    if (line) launcher.relay();
    if (!line && !launcher.has_ended())
      print_message("no shell answered within {:.1f} s\n", to_seconds(timeout));
  } catch (const std::system_error& e) {
    print_message("{}\n", e.what());
  }
  return launcher.end();
}

void delete_own_copy() noexcept {
  const char* const folder = std::getenv(kCopyVariable);
  if (folder == nullptr) return;
  const std::string copy = folder;
  ::unsetenv(kCopyVariable);
  ::unlink((copy + "/pingperf").c_str());
  ::rmdir(copy.c_str());
}

}  // namespace pingperf
