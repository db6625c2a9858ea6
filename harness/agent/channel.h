// Channel: the controller's connection to an agent.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
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

// Starts an agent as a child process and talks to it. Destroying it ends the agent: closes its
// stdin, and if it has not ended after a second, or ten if it has changes of its system to undo,
// sends SIGTERM, then SIGKILL. SIGTERM lets a launcher end its job.
class Channel {
 public:
  static constexpr Nanoseconds kHelloTimeout = 10 * kSecond;
  static constexpr Nanoseconds kUndoGrace = 10 * kSecond;
  static constexpr Nanoseconds kRecoveryTimeout = 120 * kSecond;

  // Starts `command` and exchanges hellos. `host` names it in errors. Throws ChannelError unless an
  // agent of this version answers within `hello_timeout`.
  Channel(const std::vector<std::string>& command, std::string host,
          Nanoseconds hello_timeout = kHelloTimeout);
  // Starts `command` and sends the hello, but does not wait for the answer: greet() does. The
  // command runs in `folder`; empty: in that of this process.
  enum class Greeting { later };
  Channel(const std::vector<std::string>& command, std::string host, Nanoseconds hello_timeout,
          Greeting, const std::string& folder = {});
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // Takes what has arrived. Returns true once the agent has answered with its hello and has undone
  // the changes of killed runs. Throws ChannelError. Does not wait.
  bool greet();

  // Returns what the agent reported about itself and its host.
  const AgentHello& hello() const { return hello_; }
  // Forgets the list of engines of the hello.
  void forget_engines() { hello_.engines = {}; }
  // Sends at once if the pipe has room; otherwise receive() with a deadline and flush() send the
  // rest. Throws ChannelError.
  void send(const Request& request);
  // From now on, send() calls `on_full` if the pipe has no room for all.
  void call_when_full(std::function<void()> on_full) { on_full_ = std::move(on_full); }
  // Sends what the pipe has room for. Returns true if nothing is left.
  bool flush() noexcept;
  // Returns the next event, or nothing if none arrives until `deadline` (of now_ns(); 0: does not
  // wait). Throws ChannelError; every later call throws it again.
  std::optional<Event> receive(Nanoseconds deadline);
  // Returns a descriptor that is readable if receive(0) may return an event. Before waiting on the
  // descriptor, call receive() until it returns nothing, because events may be buffered.
  int fd() const noexcept { return out_.get(); }
  // Returns the descriptor that is writable when flush() can go on.
  int write_fd() const noexcept { return in_.get(); }
  // Returns true if fd() is at its end. Then receive(0) throws soon, when the process has ended.
  bool has_hung_up() const noexcept { return hung_up_at_ != 0; }
  // Keeps what the agent has written to its stderr. receive() with a deadline does so, too.
  void read_errors();
  pid_t pid() const noexcept { return process_.pid(); }
  // Returns true once a call has thrown ChannelError, or after abandon().
  bool is_broken() const noexcept { return !broken_.empty(); }
  // Returns what() of the ChannelError that every call throws; "" if there is none.
  const std::string& error() const noexcept { return broken_; }
  // Ends an agent that does not answer: every later call throws ChannelError. Does not wait.
  void abandon() noexcept;
  // Does the same, and throws ChannelError.
  [[noreturn]] void give_up();

  // Begins to end the agent. Does not wait.
  void begin_end() noexcept;
  // Goes on with that. Returns true once the process has ended and is reaped.
  bool has_ended() noexcept;

 private:
  void start(const std::vector<std::string>& command, const std::string& folder);
  void take_hello(const std::string& line);
  std::optional<std::string> next_line(Nanoseconds deadline);
  void wait_for_input(Nanoseconds deadline);
  // Begins to end the agent and throws "agent on HOST `what`, command: …".
  [[noreturn]] void fail(const std::string& what);
  [[noreturn]] void fail_ended(std::optional<int> status);
  void set_broken(const std::string& what);
  void hang_up() noexcept;

  std::string host_;
  std::string command_;  // for errors
  Process process_;
  Fd in_;      // its stdin
  Fd out_;     // its stdout
  Fd errors_;  // its stderr
  std::string unsent_;
  std::function<void()> on_full_;
  LineBuffer lines_{kMaxEvent};
  Tail tail_;
  Nanoseconds hello_timeout_;
  Nanoseconds hello_deadline_ = 0;
  bool is_recovering_ = false;  // the hello has arrived, Recovered has not
  bool is_greeted_ = false;
  Nanoseconds end_grace_ = kSecond;  // for the agent's end
  Nanoseconds hung_up_at_ = 0;       // when its stdout ended; 0: it has not
  Nanoseconds term_at_ = 0;          // when it gets SIGTERM; 0: it shall not end
  Nanoseconds kill_at_ = 0;          // when it gets SIGKILL
  bool is_terminated_ = false;       // it has got SIGTERM
  std::string broken_;  // what() of the ChannelError that every call throws; empty: none
  AgentHello hello_;
};

}  // namespace pingperf
