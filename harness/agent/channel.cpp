#include "harness/agent/channel.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <utility>

#include "harness/base/version.h"
#include "sockets/core/error.h"
#include "sockets/core/io.h"

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
  command.push_back(pingperf.empty() ? own_program() : pingperf);
  command.push_back("agent");
  return command;
}

std::vector<std::string> agent_command(const Host& host) {
  if (!host.copy) return agent_command(host.launch, host.pingperf);
  const std::string own = own_program();
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
                 Nanoseconds hello_timeout, Greeting, const std::string& folder)
    : host_(std::move(host)), command_(command_line(command)), hello_timeout_(hello_timeout) {
  try {
    start(command, folder);
  } catch (const std::system_error& e) {
    throw ChannelError(
        fmt::format("cannot start the agent on {}: {}, command: {}", host_, e.what(), command_));
  }
  hello_deadline_ = now_ns() + hello_timeout;
  send(ControllerHello{std::string(version())});
}

Channel::Channel(const std::vector<std::string>& command, std::string host,
                 Nanoseconds hello_timeout)
    : Channel(command, std::move(host), hello_timeout, Greeting::later) {
  while (!greet()) wait_for_input(std::min(hello_deadline_, now_ns() + 100 * kMillisecond));
}

void Channel::start(const std::vector<std::string>& command, const std::string& folder) {
  Pipe in = make_pipe(), out = make_pipe(), errors = make_pipe();
  process_ = Process(command, ChildOptions{.redirects = {{in.read.get(), STDIN_FILENO},
                                                         {out.write.get(), STDOUT_FILENO},
                                                         {errors.write.get(), STDERR_FILENO}},
                                           .lifetime = Lifetime::own,
                                           .directory = folder});
  in_ = std::move(in.write);
  out_ = std::move(out.read);
  errors_ = std::move(errors.read);
  // An agent that does not read must not block the controller.
  check(::fcntl(in_.get(), F_SETFL, O_NONBLOCK), "fcntl");
}

Channel::~Channel() {
  begin_end();
  constexpr timespec kPause = {0, kMillisecond};
  while (!has_ended()) ::nanosleep(&kPause, nullptr);
}

void Channel::begin_end() noexcept {
  hang_up();
  if (term_at_ != 0) return;
  const bool has_begun = is_greeted_ || is_recovering_;  // otherwise it has nothing to end
  term_at_ = now_ns() + (has_begun ? end_grace_ : 0);
  kill_at_ = term_at_ + kSecond;
}

bool Channel::has_ended() noexcept {
  if (process_.pid() <= 0 || process_.wait_until(0)) return true;
  const Nanoseconds now = now_ns();
  if (now >= term_at_ && !std::exchange(is_terminated_, true)) ::kill(process_.pid(), SIGTERM);
  if (now < kill_at_) return false;
  process_.end();
  return true;
}

void Channel::hang_up() noexcept {
  in_ = Fd();
  out_ = Fd();
  errors_ = Fd();
}

bool Channel::greet() {
  while (!is_greeted_) {
    const auto line = next_line(0);
    if (!line && now_ns() < hello_deadline_) return false;
    if (!line && is_recovering_) give_up();
    if (!line) {
      const std::string last = tail_.last_lines();
      fail(fmt::format("did not answer within {:.1f} s{}{}{}", to_seconds(hello_timeout_),
                       lines_.rest().empty() ? "" : ", but printed " + excerpt(lines_.rest()),
                       last.empty() ? "" : ": ", last));
    }
    take_hello(*line);
  }
  return true;
}

// Takes the hello, or Recovered after it.
void Channel::take_hello(const std::string& line) {
  std::optional<Event> event;
  try {
    event = decode_event(line);
  } catch (const ProtocolError&) {
    fail(fmt::format("printed {} instead of hello: is it a banner, or a shell's start-up file?",
                     excerpt(line)));
  }
  if (const auto* failure = std::get_if<Failure>(&*event)) fail("refused: " + failure->what);
  if (is_recovering_) {
    auto* const recovered = std::get_if<Recovered>(&*event);
    if (recovered == nullptr) give_up();
    hello_.undone = std::move(recovered->undone);
    hello_.not_undone = std::move(recovered->not_undone);
    is_greeted_ = true;
    return;
  }
  auto* const hello = std::get_if<AgentHello>(&*event);
  if (hello == nullptr) fail(fmt::format("sent {} instead of hello", excerpt(line)));
  if (hello->version != version())
    fail(fmt::format("has pingperf {}, this is {}: install the same version on both hosts",
                     hello->version, version()));
  hello_ = std::move(*hello);
  is_recovering_ = hello_.recovers;
  is_greeted_ = !hello_.recovers;
  hello_deadline_ = now_ns() + kRecoveryTimeout;
}

void Channel::send(const Request& request) {
  if (!broken_.empty()) throw ChannelError(broken_);
  if (const auto* change = std::get_if<SwitchVariant>(&request))
    end_grace_ = change->changes.are_empty() ? kSecond : kUndoGrace;
  unsent_ += encode(request);
  unsent_ += '\n';
  if (!flush() && on_full_) on_full_();
}

// If the agent has ended or no longer reads, its earlier events can still be received.
bool Channel::flush() noexcept {
  const NoSigpipe guard;
  while (!unsent_.empty()) {
    const ssize_t n = ::write(in_.get(), unsent_.data(), unsent_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return false;
    unsent_.erase(0, n < 0 ? unsent_.size() : static_cast<std::size_t>(n));
  }
  return true;
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
    if (has_hung_up()) {
      const Nanoseconds limit = hung_up_at_ + kSecond;
      const auto status = process_.wait_until(std::min(deadline, limit));
      if (status || now_ns() >= limit) fail_ended(status);
      return std::nullopt;
    }
    pollfd out{out_.get(), POLLIN, 0};
    if (::poll(&out, 1, 0) > 0) {
      if (!lines_.read_from(out_.get())) hung_up_at_ = now_ns();
    } else if (now_ns() >= deadline) {
      return std::nullopt;
    } else {
      wait_for_input(deadline);
    }
  }
}

// Waits until the agent's stdout is readable. Meanwhile sends what is unsent and reads its stderr.
void Channel::wait_for_input(Nanoseconds deadline) {
  pollfd fds[] = {{has_hung_up() ? -1 : out_.get(), POLLIN, 0},
                  {errors_.get(), POLLIN, 0},
                  {unsent_.empty() ? -1 : in_.get(), POLLOUT, 0}};
  const Nanoseconds limit = has_hung_up() ? std::min(deadline, now_ns() + kMillisecond) : deadline;
  if (::poll(fds, 3, poll_ms(limit)) <= 0) return;
  if (fds[1].revents != 0 && !tail_.read_from(errors_.get())) errors_ = Fd();
  if (fds[2].revents != 0) flush();
}

void Channel::read_errors() {
  pollfd errors{errors_.get(), POLLIN, 0};
  if (errors_ && ::poll(&errors, 1, 0) > 0 && !tail_.read_from(errors_.get())) errors_ = Fd();
}

void Channel::set_broken(const std::string& what) {
  broken_ = fmt::format("agent on {} {}, command: {}", host_, what, command_);
  begin_end();
  term_at_ = now_ns();
  kill_at_ = term_at_ + end_grace_;
  has_ended();
}

void Channel::abandon() noexcept {
  if (!is_broken()) set_broken("did not answer in time");
}

void Channel::give_up() {
  abandon();
  throw ChannelError(broken_);
}

void Channel::fail(const std::string& what) {
  set_broken(what);
  throw ChannelError(broken_);
}

void Channel::fail_ended(std::optional<int> status) {
  if (errors_) tail_.drain(errors_.get());
  const std::string last = tail_.last_lines();
  fail(fmt::format("ended ({}){}{}{}", status ? ending(*status) : "it closed its stdout",
                   lines_.rest().empty() ? "" : " amid a line", last.empty() ? "" : ": ", last));
}

}  // namespace pingperf
