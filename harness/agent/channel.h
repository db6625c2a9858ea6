// Channel: the controller's connection to an agent.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/agent/protocol.h"
#include "harness/base/process.h"
#include "harness/experiment/experiment.h"
#include "sockets/core/clock.h"

namespace pingperf {

// The agent has ended, or the program is not an agent. Names the host, the error and the command
// that started the agent.
class ChannelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Returns the command that starts an agent: `launch`, then `pingperf agent`. If `pingperf` is
// empty, it is the path of this executable.
std::vector<std::string> agent_command(const std::vector<std::string>& launch,
                                       const std::string& pingperf);

// Returns the command that starts the agent of a host, which brings pingperf there with `copy`
// (copy_agent.h).
std::vector<std::string> agent_command(const Host& host);

// Returns how long that agent may take to answer.
Nanoseconds hello_timeout(const Host& host);

// Starts an agent as a child process and talks to it. Destroying it ends the agent, with force
// after a second, or ten if the agent has changes of its system to undo.
class Channel {
 public:
  static constexpr Nanoseconds kHelloTimeout = 10 * kSecond;
  static constexpr Nanoseconds kUndoGrace = 10 * kSecond;
  static constexpr Nanoseconds kRecoveryTimeout = 120 * kSecond;

  // Starts `command` and exchanges hellos. `host` names it in errors. Throws ChannelError unless an
  // agent of this version answers within `hello_timeout`.
  Channel(const std::vector<std::string>& command, std::string host,
          Nanoseconds hello_timeout = kHelloTimeout);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // Returns what the agent reported about itself and its host.
  const AgentHello& hello() const { return hello_; }
  // Throws ChannelError.
  void send(const Request& request);
  // Returns the next event, or nothing if none arrives until `deadline` (of now_ns(); 0: does not
  // wait). Throws ChannelError; every later call throws it again.
  std::optional<Event> receive(Nanoseconds deadline);
  // Returns a descriptor that is readable if receive(0) may return an event. Before waiting on the
  // descriptor, call receive() until it returns nothing, because events may be buffered.
  int fd() const noexcept { return out_.get(); }
  pid_t pid() const noexcept { return process_.pid(); }
  // Returns true once a call has thrown ChannelError.
  bool is_broken() const noexcept { return !broken_.empty(); }
  // Kills an agent that does not answer. Throws ChannelError.
  [[noreturn]] void give_up() { fail("did not answer in time"); }

 private:
  void start(const std::vector<std::string>& command);
  AgentHello greet(Nanoseconds timeout);
  std::optional<std::string> next_line(Nanoseconds deadline);
  // Ends the agent and throws "agent on HOST `what`, command: …".
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
  Nanoseconds end_grace_ = kSecond;  // for the agent's end
  std::string broken_;  // what() of the ChannelError that every call throws; empty: none
  AgentHello hello_;
};

}  // namespace pingperf
