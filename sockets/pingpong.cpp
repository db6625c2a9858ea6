#include "sockets/pingpong.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace pingperf {
namespace {

class PingPong final : public Endpoint {
 public:
  using Loop = void (*)(PingPongState&, Meter&, const Session&);

  PingPong(const PingPongOps& ops, const Session& session, Fd fd, bool is_server)
      : ops_(ops), session_(session), meter_(session.options), is_server_(is_server) {
    if (is_server) address_ = Address::local_of(fd.get());
    state_.fd = std::move(fd);
    state_.message.assign(session.options.message_size.value(), 'p');
  }

  Address address() const override { return address_; }

  void accept() override {
    state_.fd = ops_.admit(std::move(state_.fd), session_, state_.rejected_peers);
  }

  Measurement run(const IntervalSink& progress) noexcept override {
    const Loop loop = is_server_ ? ops_.pong : ops_.ping;
    Measurement m = run_loops(
        meter_, {[&] {
          loop(state_, meter_, session_);
          ended_ = now_ns();
        }},
        [this] {
          Totals totals;
          if (!is_server_) totals.messages = state_.exchanges.load(std::memory_order_relaxed);
          return totals;
        },
        progress);
    if (state_.error != 0)
      m.error = std::string(state_.failed_call) + ": " + std::strerror(state_.error);
    if (is_server_)
      m.rejected_peers = state_.rejected_peers;
    else
      report(m);
    return m;
  }

  void stop() noexcept override {
    meter_.stop();
    ::shutdown(state_.fd.get(), SHUT_RDWR);
  }

 private:
  void report(Measurement& m) {
    // The loop's own window: the meter's wakes up late when the loop has the CPU.
    if (ended_ > state_.opened)
      m.window_s = to_seconds(std::min(ended_, state_.closed) - state_.opened);
    m.exchanges = state_.exchanges;
    m.lost = state_.lost;
    m.late = state_.late;
    m.rtt = std::move(state_.rtt);
    m.connect = std::move(state_.connect);
    if (m.exchanges == 0 && m.error.empty()) m.error = "no ping was answered in the window";
  }

  const PingPongOps& ops_;
  const Session session_;
  Meter meter_;
  const bool is_server_;
  Address address_;
  PingPongState state_;
  Nanoseconds ended_ = 0;  // the loop
};

}  // namespace

PingWindow begin_pings(PingPongState& state, Meter& meter, const Options& options) noexcept {
  const Nanoseconds first = meter.began();
  state.opened = meter.open_after(first);
  state.closed = meter.close_after(first);
  return {state.opened, state.closed,
          options.messages.value_or(std::numeric_limits<std::uint64_t>::max())};
}

void fail(PingPongState& state, const Meter& meter, const char* call) noexcept {
  if (meter.stopped()) return;
  state.error = errno == 0 ? ECONNRESET : errno;  // 0: the stream ended inside a message
  state.failed_call = call;
}

std::unique_ptr<Endpoint> listen_pingpong(const PingPongOps& ops, const Session& session) {
  return std::make_unique<PingPong>(ops, session, ops.listen(session), true);
}

std::unique_ptr<Endpoint> connect_pingpong(const PingPongOps& ops, const Session& session) {
  return std::make_unique<PingPong>(ops, session, ops.connect(session), false);
}

}  // namespace pingperf
