#include "harness/agent/host_agent.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "harness/base/command.h"

namespace pingperf {
namespace {

// Pauses between the starts of an agent that cannot be reached, or dies soon.
constexpr Nanoseconds kFirstPause = kSecond;
constexpr Nanoseconds kMaxPause = 30 * kSecond;
constexpr Nanoseconds kStableAfter = 5 * kSecond;  // it does not die soon
constexpr Nanoseconds kReadErrorsEvery = 200 * kMillisecond;

std::string description_of(const Host& host, std::string_view end) {
  const std::string place = host.launch.empty() ? "this host" : command_line(host.launch);
  return fmt::format("{} ({})", end, place);
}

}  // namespace

HostAgent::HostAgent(Shared<Host> host, std::string_view end, Files files, std::string folder,
                     EventLoop& loop)
    : host_(std::move(host)),
      description_(description_of(*host_, end)),
      files_(host_->launch.empty() ? nullptr : std::move(files)),  // a local program runs in place
      folder_(std::move(folder)),
      loop_(loop),
      away_since_(now_ns()) {}

HostAgent::~HostAgent() {
  unwatch_writes();
  unwatch();
}

bool HostAgent::is_settled() const noexcept {
  if (lost_) return false;
  if (state_ == State::away) return is_absent_;
  return state_ == State::ready && !channel_->has_hung_up() && !channel_->is_broken();
}

Channel* HostAgent::channel() const noexcept {
  return state_ == State::ready && !channel_->is_broken() ? channel_.get() : nullptr;
}

void HostAgent::step() {
  if (lost_ && lost_->has_ended()) lost_.reset();
  if (state_ == State::away) {
    if (may_start_ && !is_absent_ && !lost_ && now_ns() >= next_start_) start();
    return;
  }
  const Nanoseconds now = now_ns();
  if (now - errors_read_ >= kReadErrorsEvery) {
    errors_read_ = now;
    channel_->read_errors();
  }
  if (channel_->is_broken()) return note_failure(channel_->error());
  if (state_ == State::starting) return greet();
  if (state_ == State::copying) return send_files();
  if (channel_->has_hung_up()) receive_events();
}

void HostAgent::start_now() {
  if (state_ != State::away) return;
  next_start_ = 0;
  step();
}

void HostAgent::start() {
  ++starts_;
  state_ = State::starting;
  files_sent_ = 0;
  try {
    channel_ = std::make_unique<Channel>(agent_command(*host_), description_, hello_timeout(*host_),
                                         Channel::Greeting::later, folder_);
    channel_->call_when_full([this] { watch_writes(); });
    watch();
  } catch (const std::runtime_error& e) {
    note_failure(e.what());
  }
}

void HostAgent::handle_readable() {
  if (state_ == State::starting)
    greet();
  else if (is_listening_)
    receive_events();
  else
    unwatch();
}

void HostAgent::greet() {
  try {
    if (channel_->greet()) {
      state_ = State::copying;
      copy_deadline_ = now_ns() + Channel::kRecoveryTimeout;
      send_files();
    } else if (channel_->has_hung_up()) {
      unwatch();  // step() waits for the end of the process
    }
  } catch (const ChannelError& e) {
    note_failure(e.what());
  }
}

void HostAgent::send_files() {
  try {
    while (channel_->flush() && files_ && files_sent_ < files_->size()) {
      channel_->send((*files_)[files_sent_++]);
      copy_deadline_ = now_ns() + Channel::kRecoveryTimeout;
    }
    if (channel_->flush()) return become_ready();
    if (now_ns() >= copy_deadline_) channel_->give_up();
  } catch (const ChannelError& e) {
    note_failure(e.what());
  }
}

void HostAgent::become_ready() {
  state_ = State::ready;
  error_.clear();
  ready_since_ = now_ns();
  channel_->forget_engines();
  if (!is_listening_) unwatch();
}

void HostAgent::receive_events() {
  try {
    while (auto event = channel_->receive(0)) on_event_(std::move(*event));
    if (channel_->has_hung_up()) unwatch();  // step() waits for the end of the process
  } catch (const ChannelError& e) {
    note_failure(e.what());
  }
}

void HostAgent::note_failure(const std::string& error) {
  unwatch_writes();
  unwatch();
  const bool was_ready = state_ == State::ready;
  const Nanoseconds now = now_ns();
  const bool was_stable = was_ready && now - ready_since_ >= kStableAfter;
  if (was_ready) away_since_ = now;
  has_failed_to_start_ = !was_ready;
  state_ = State::away;
  error_ = error;
  // An agent that was ready starts again at once, unless it dies soon each time. The pause doubles
  // with each start that fails.
  failures_ = was_stable ? 0 : std::min<std::size_t>(failures_ + 1, 10);
  const bool at_once = was_stable || (was_ready && failures_ == 1);
  next_start_ = now + (at_once ? 0 : std::min(kMaxPause, kFirstPause << (failures_ - 1)));
  end_lost();
  if (is_listening_ && was_ready) on_loss_();
}

void HostAgent::end_lost() {
  if (!channel_) return;
  channel_->begin_end();
  lost_ = std::move(channel_);
}

void HostAgent::listen(std::function<void(Event)> on_event, std::function<void()> on_loss) {
  on_event_ = std::move(on_event);
  on_loss_ = std::move(on_loss);
  is_listening_ = true;
  if (state_ != State::ready) return;
  watch();
  receive_events();
}

void HostAgent::stop_listening() noexcept {
  is_listening_ = false;
  if (state_ == State::ready) unwatch();
  on_event_ = nullptr;
  on_loss_ = nullptr;
}

void HostAgent::begin_end() noexcept {
  unwatch_writes();
  unwatch();
  is_absent_ = true;
  if (channel_) channel_->begin_end();
}

void HostAgent::watch() {
  if (watched_fd_ >= 0) return;
  watched_fd_ = channel_->fd();
  loop_.watch_reads(watched_fd_, [this] { handle_readable(); });
}

// The channel may have closed the descriptor before.
void HostAgent::unwatch() noexcept {
  if (watched_fd_ >= 0) loop_.forget(std::exchange(watched_fd_, -1));
}

void HostAgent::watch_writes() {
  if (full_fd_ >= 0) return;
  full_fd_ = channel_->write_fd();
  loop_.watch_writes(full_fd_, [this] { handle_writable(); });
}

void HostAgent::handle_writable() {
  if (state_ == State::copying) return send_files();
  if (channel_->flush()) unwatch_writes();
}

void HostAgent::unwatch_writes() noexcept {
  if (full_fd_ >= 0) loop_.forget(std::exchange(full_fd_, -1));
}

}  // namespace pingperf
