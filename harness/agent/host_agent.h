// HostAgent: one agent of a host, which is started again after it has been lost. Nothing here
// waits.
//
//   away ---> starting ---> copying ---> ready       copying: with copy_files alone
//    ^           |             |           |
//    +-----------+-------------+-----------+         after a failure, and a pause
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/agent/channel.h"
#include "harness/base/event_loop.h"
#include "harness/experiment/experiment.h"

namespace pingperf {

class HostAgent {
 public:
  using Files = std::shared_ptr<const std::vector<CopyFile>>;
  enum class State { away, starting, copying, ready };

  // Starts nothing yet. `end` names the host in errors.
  // A launcher, or an agent of this machine, runs in `folder`.
  HostAgent(Shared<Host> host, std::string_view end, Files files, std::string folder,
            EventLoop& loop);
  HostAgent(const HostAgent&) = delete;
  HostAgent& operator=(const HostAgent&) = delete;
  ~HostAgent();

  // Goes on with what is under way: a start whose time has come, its deadlines, and the end of a
  // lost process. Called every few milliseconds.
  void step();
  // Begins a start now, without a pause, unless one is under way or the agent is ready.
  void start_now();
  // Lets step() start the agent when its pause has passed, or not.
  void permit_start(bool permitted) { may_start_ = permitted; }

  State state() const noexcept { return state_; }
  bool is_starting() const noexcept {
    return state_ == State::starting || state_ == State::copying;
  }
  // Returns true if step() has nothing to do before the agent fails.
  bool is_settled() const noexcept;
  // Returns the channel of a ready agent, else null. It stays the same until the agent is lost.
  Channel* channel() const noexcept;
  // Returns why the agent is away; "" before its first start.
  const std::string& error() const noexcept { return error_; }
  std::size_t starts() const noexcept { return starts_; }
  // Returns true if a start has failed since the agent was ready.
  bool has_failed_to_start() const noexcept { return has_failed_to_start_; }
  // Returns since when the agent is away or starts.
  Nanoseconds away_since() const noexcept { return away_since_; }
  const Host& host() const noexcept { return *host_; }

  // From now on, calls `on_event` for each event and `on_loss` when the agent is lost, from within
  // EventLoop::run_once() or step(). Takes what has arrived before.
  void listen(std::function<void(Event)> on_event, std::function<void()> on_loss);
  void stop_listening() noexcept;

  // Leaves the host out of the run: it is not started again.
  void leave_out() noexcept { is_absent_ = true; }
  bool is_absent() const noexcept { return is_absent_; }
  // Begins to end the agent.
  void begin_end() noexcept;

 private:
  void start();
  void handle_readable();
  void greet();
  void send_files();
  void receive_events();
  void become_ready();
  void note_failure(const std::string& error);
  void watch();
  void unwatch() noexcept;
  void watch_writes();
  void handle_writable();
  void unwatch_writes() noexcept;
  void end_lost();

  const Shared<Host> host_;
  const std::string description_;
  const Files files_;
  const std::string folder_;
  EventLoop& loop_;
  State state_ = State::away;
  bool may_start_ = true;
  bool is_absent_ = false;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Channel> lost_;  // the former one, whose process has not ended yet
  std::size_t files_sent_ = 0;
  Nanoseconds copy_deadline_ = 0;  // until when the next file must have been sent
  int watched_fd_ = -1;            // in the loop; -1: none
  int full_fd_ = -1;               // in the loop while the channel has unsent requests; -1: none
  bool is_listening_ = false;
  std::function<void(Event)> on_event_;
  std::function<void()> on_loss_;
  std::string error_;
  std::size_t starts_ = 0;
  std::size_t failures_ = 0;  // starts in a row that failed, or whose agent died soon; at most 10
  bool has_failed_to_start_ = false;  // since it was ready
  Nanoseconds ready_since_ = 0;
  Nanoseconds away_since_;
  Nanoseconds next_start_ = 0;
  Nanoseconds errors_read_ = 0;  // when stderr was read
};

}  // namespace pingperf
