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

// The conversation is over: the agent has ended, or the program is no agent. Names the host, what
// was seen and the command that started the agent.
class ChannelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The interface through which the runner talks to an agent.
class Channel {
 public:
  virtual ~Channel() = default;

  // Returns what the agent reported about itself and its host.
  virtual const AgentHello& hello() const = 0;
  // Throws ChannelError.
  virtual void send(const Request& request) = 0;
  // Returns the next event, or nothing when none has come by `deadline` (of now_ns(); 0: does not
  // wait). Throws ChannelError, and then does so in every later call.
  virtual std::optional<Event> receive(Nanoseconds deadline) = 0;
  // Returns a descriptor that is readable when receive(0) may return an event. Call receive() until
  // it returns nothing before waiting on the descriptor: events may be buffered.
  virtual int fd() const noexcept = 0;
};

// Returns the command that starts an agent: `launch`, then `pingperf agent`. If `pingperf` is
// empty, it is the path of this executable.
std::vector<std::string> agent_command(const std::vector<std::string>& launch,
                                       const std::string& pingperf);

// An agent started as a child process. Destroying it ends the agent, with force after a second.
class ProcessChannel final : public Channel {
 public:
  static constexpr Nanoseconds kHelloTimeout = 10 * kSecond;

  // Starts `command` and exchanges hellos. `host` names it in errors. Throws ChannelError unless an
  // agent of this version answers within `hello_timeout`.
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
