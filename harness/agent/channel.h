// Channel: the controller's end of a conversation with an agent.
#pragma once

#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/agent/protocol.h"
#include "harness/base/process.h"
#include "sockets/core/clock.h"

namespace pingperf {

// The conversation is over: the agent is gone, or not one. Names the host, what was seen and the
// command that started the agent.
class ChannelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The port that the runner talks through; its tests put a fake behind it.
class Channel {
 public:
  virtual ~Channel() = default;

  // What the agent said of itself and its host.
  virtual const AgentHello& hello() const = 0;
  // Throws ChannelError.
  virtual void send(const Request& request) = 0;
  // The next event, or nothing when none has come by `deadline` (of now_ns(); 0: do not wait).
  // Throws ChannelError; every call after that does too.
  virtual std::optional<Event> receive(Nanoseconds deadline) = 0;
  // Readable when receive(0) may return something. It may have more than that: take all before
  // waiting on this descriptor.
  virtual int fd() const noexcept = 0;
};

// The command that starts an agent: `launch`, then `pingperf agent`. An empty `pingperf` is the
// path of this executable.
std::vector<std::string> agent_command(const std::vector<std::string>& launch,
                                       const std::string& pingperf);

// An agent started as a child process. Destroying it ends the agent, with force after a second.
class ProcessChannel final : public Channel {
 public:
  static constexpr Nanoseconds kHelloTimeout = 10 * kSecond;

  // Starts `command` and exchanges hellos. `host` names it in errors. Throws ChannelError when
  // what answers within `hello_timeout` is not an agent of this version.
  ProcessChannel(const std::vector<std::string>& command, std::string host,
                 Nanoseconds hello_timeout = kHelloTimeout);
  ProcessChannel(const ProcessChannel&) = delete;
  ProcessChannel& operator=(const ProcessChannel&) = delete;
  ~ProcessChannel() override;

  const AgentHello& hello() const override { return hello_; }
  void send(const Request& request) override;
  std::optional<Event> receive(Nanoseconds deadline) override;
  int fd() const noexcept override { return out_.get(); }

  pid_t pid() const noexcept { return process_.pid(); }

 private:
  void start(const std::vector<std::string>& command);
  AgentHello greet(Nanoseconds timeout);
  std::optional<std::string> next_line(Nanoseconds deadline);
  // Ends the agent. The text is what "agent on HOST" did.
  [[noreturn]] void fail(const std::string& what);
  [[noreturn]] void fail_ended();
  void hang_up() noexcept;

  std::string host_;
  std::string command_;  // for errors
  Process process_;
  Fd in_;      // its stdin
  Fd out_;     // its stdout
  Fd errors_;  // its stderr
  LineBuffer lines_{kMaxEvent};
  Tail tail_;
  std::string broken_;  // what() of the ChannelError that ended it
  AgentHello hello_;
};

}  // namespace pingperf
