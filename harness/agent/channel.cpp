#include "harness/agent/channel.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <ctime>
#include <filesystem>

#include "harness/base/io.h"
#include "harness/base/version.h"
#include "sockets/core/error.h"

namespace pingperf {
namespace {

// Blocks SIGPIPE for this thread in a scope, and discards a pending one at its end.
class NoSigpipe {
 public:
  NoSigpipe() noexcept {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    const timespec at_once{};
    ::sigtimedwait(&sigpipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_;
  sigset_t before_;
};

std::string ending(int wait_status) {
  if (const auto signal = killing_signal(wait_status)) return "killed by " + *signal;
  return fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

}  // namespace

std::vector<std::string> agent_command(const std::vector<std::string>& launch,
                                       const std::string& pingperf) {
  std::vector<std::string> command = launch;
  command.push_back(pingperf.empty() ? std::filesystem::read_symlink("/proc/self/exe").string()
                                     : pingperf);
  command.push_back("agent");
  return command;
}

std::vector<std::string> agent_command(const Host& host) {
  if (!host.copy) return agent_command(host.launch, host.pingperf);
  const std::string own = std::filesystem::read_symlink("/proc/self/exe");
  std::vector<std::string> command = {own, "copy-agent",
                                      std::to_string(host.start_timeout / kMillisecond),
                                      host.pingperf.empty() ? own : host.pingperf};
  command.insert(command.end(), host.launch.begin(), host.launch.end());
  return command;
}

Nanoseconds hello_timeout(const Host& host) {
  constexpr Nanoseconds kCopy = 120 * kSecond;  // some megabytes over a slow line
  return host.start_timeout + (host.copy ? kCopy : 0);
}

Channel::Channel(const std::vector<std::string>& command, std::string host,
                 Nanoseconds hello_timeout)
    : host_(std::move(host)), command_(command_line(command)) {
  try {
    start(command);
  } catch (const std::system_error& e) {
    throw ChannelError(
        fmt::format("cannot start the agent on {}: {}, command: {}", host_, e.what(), command_));
  }
  hello_ = greet(hello_timeout);
}

void Channel::start(const std::vector<std::string>& command) {
  Pipe in = make_pipe(), out = make_pipe(), errors = make_pipe();
  process_ = Process(command,
                     {{in.read.get(), STDIN_FILENO},
                      {out.write.get(), STDOUT_FILENO},
                      {errors.write.get(), STDERR_FILENO}},
                     Lifetime::own);
  in_ = std::move(in.write);
  out_ = std::move(out.read);
  errors_ = std::move(errors.read);
}

Channel::~Channel() {
  hang_up();
  process_.wait_until(now_ns() + end_grace_);
}

void Channel::hang_up() noexcept {
  in_ = Fd();
  out_ = Fd();
  errors_ = Fd();
}

AgentHello Channel::greet(Nanoseconds timeout) {
  const Nanoseconds deadline = now_ns() + timeout;
  send(ControllerHello{std::string(version())});
  const auto line = next_line(deadline);
  if (!line) {
    const std::string last = tail_.last_lines();
    fail(fmt::format("did not answer within {:.1f} s{}{}{}", to_seconds(timeout),
                     lines_.rest().empty() ? "" : ", but printed " + excerpt(lines_.rest()),
                     last.empty() ? "" : ": ", last));
  }
  std::optional<Event> event;
  try {
    event = decode_event(*line);
  } catch (const ProtocolError&) {
    fail(fmt::format("printed {} instead of hello: is it a banner, or a shell's start-up file?",
                     excerpt(*line)));
  }
  if (const auto* failure = std::get_if<Failure>(&*event)) fail("refused: " + failure->what);
  auto* hello = std::get_if<AgentHello>(&*event);
  if (hello == nullptr) fail(fmt::format("sent {} instead of hello", excerpt(*line)));
  if (hello->version != version())
    fail(fmt::format("has pingperf {}, this is {}: install the same version on both hosts",
                     hello->version, version()));
  AgentHello complete = std::move(*hello);
  if (!complete.recovers) return complete;
  const auto recovered = receive(now_ns() + kRecoveryTimeout);
  if (!recovered || !std::holds_alternative<Recovered>(*recovered)) give_up();
  complete.undone = std::get<Recovered>(*recovered).undone;
  complete.not_undone = std::get<Recovered>(*recovered).not_undone;
  return complete;
}

void Channel::send(const Request& request) {
  if (!broken_.empty()) throw ChannelError(broken_);
  if (const auto* change = std::get_if<SwitchVariant>(&request))
    end_grace_ = change->changes.are_empty() ? kSecond : kUndoGrace;
  const NoSigpipe guard;
  try {
    write_line(in_.get(), encode(request));
  } catch (const std::system_error&) {
    // The agent has ended or no longer reads. Its earlier events can still be received.
  }
}

std::optional<Event> Channel::receive(Nanoseconds deadline) {
  const auto line = next_line(deadline);
  if (!line) return std::nullopt;
  try {
    Event event = decode_event(*line);
    if (const auto* failure = std::get_if<Failure>(&event); failure && !failure->endpoint)
      fail("failed: " + failure->what);
    return event;
  } catch (const ProtocolError& e) {
    fail(fmt::format("broke the protocol: {}", e.what()));
  }
}

std::optional<std::string> Channel::next_line(Nanoseconds deadline) {
  if (!broken_.empty()) throw ChannelError(broken_);
  for (;;) {
    try {
      if (auto line = lines_.next()) return line;
    } catch (const ProtocolError& e) {
      fail(fmt::format("broke the protocol: {}", e.what()));
    }
    pollfd fds[] = {{out_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}};
    const int ready = ::poll(fds, 2, poll_ms(deadline));
    if (ready > 0 && fds[1].revents != 0 && !tail_.read_from(errors_.get())) errors_ = Fd();
    if (ready > 0 && fds[0].revents != 0 && !lines_.read_from(out_.get())) fail_ended();
    if (now_ns() >= deadline && (ready <= 0 || fds[0].revents == 0)) return std::nullopt;
  }
}

void Channel::fail(const std::string& what) {
  broken_ = fmt::format("agent on {} {}, command: {}", host_, what, command_);
  hang_up();
  process_.end();
  throw ChannelError(broken_);
}

void Channel::fail_ended() {
  const auto status = process_.wait_until(now_ns() + kSecond);
  if (errors_) tail_.drain(errors_.get());
  const std::string last = tail_.last_lines();
  fail(fmt::format("ended ({}){}{}{}", status ? ending(*status) : "it closed its stdout",
                   lines_.rest().empty() ? "" : " amid a line", last.empty() ? "" : ": ", last));
}

}  // namespace pingperf
