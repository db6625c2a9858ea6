#include "sockets/throughput/transfer.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>
#include <stdexcept>
#include <system_error>

#include "sockets/core/limits.h"
#include "sockets/core/size_mix.h"
#include "sockets/core/socket_options.h"
#include "sockets/throughput/low_watermark.h"
#include "sockets/transport/datagram.h"

namespace pingperf {
namespace {

constexpr std::uint64_t kMinBuffer = 64;  // fits every mark of a flow

const char* remedy_of_transfer(int error) {
  switch (error) {
    case EMSGSIZE:
      return ": a datagram exceeds the path's MTU, lower message_size";
    case EPERM:
      return ": a firewall, or the seccomp filter of a container, refuses it";
    case ENOSYS:
      return ": this kernel, or the seccomp filter of a container, lacks a call of this engine";
    default:
      return "";
  }
}

class Transfer final : public Endpoint {
 public:
  // A server, which gets its flows in accept().
  Transfer(const TransferOps& ops, const EndpointConfig& config, Fd listener)
      : ops_(ops),
        config_(config),
        meter_(config.options),
        is_server_(true),
        listener_(std::move(listener)),
        address_(Address::local_of(listener_.get())) {}

  // A client with its flows.
  Transfer(const TransferOps& ops, const EndpointConfig& config, std::vector<Fd> flows)
      : ops_(ops), config_(config), meter_(config.options), is_server_(false) {
    adopt(std::move(flows));
  }

  Address address() const override { return address_; }

  void accept() override {
    adopt(ops_.transport.admit(std::move(listener_), config_, config_.options.streams.value_or(1),
                               rejected_));
    std::vector<int> descriptors;
    for (const Flow& flow : flows_) descriptors.push_back(flow.fd.get());
    answers_.emplace(descriptors, config_);
  }

  Measurement run(const IntervalSink& progress) noexcept override {
    answers_.reset();
    if (config_.options.warmup.value_or(0) == 0) set_limits();
    if (sends()) add_groups(ops_.send);
    if (receives()) add_groups(ops_.receive);
    std::vector<std::function<void()>> loops;
    for (Work& work : works_) loops.push_back([&, this] { perform(work); });
    Measurement m = run_loops(
        meter_, loops, [this] { return totals(); }, progress, config_.cpus,
        [this] { open_window(); });
    if (is_server_) m.rejected_peers = rejected_;
    report(m);
    return m;
  }

  void stop() noexcept override {
    meter_.stop();
    for (Flow& flow : flows_) ::shutdown(flow.fd.get(), SHUT_RDWR);
  }

 private:
  bool both() const { return config_.options.bidirectional.value_or(false); }
  bool sends() const { return both() || is_server_ == config_.options.reverse.value_or(false); }
  bool receives() const { return both() || !sends(); }
  bool carries_udp() const {
    return config_.options.transport == Transport::udp ||
           config_.options.transport == Transport::multicast;
  }

  void adopt(std::vector<Fd> connections) try {
    if (const auto& mix = config_.options.size_mix)
      sizes_ = size_sequence(parse_size_mix(*mix).value());
    const std::uint64_t size = max_message(config_.options);
    for (Fd& fd : connections) {
      Flow& flow = flows_.emplace_back();
      flow.fd = std::move(fd);
      flow.outgoing.resize(size);
      flow.incoming.assign(std::max(size, kMinBuffer), 0);
      flow.sizes = sizes_;
      flow.is_server = is_server_;
      flow.is_one_way = !both();
      if (receives()) set_low_watermark(flow.fd.get(), config_.options);
      if (sends()) set_notsent_low_watermark(flow.fd.get(), config_.options);
      fill_pattern(flow.outgoing, config_.token);
      if (config_.options.transport == Transport::ethernet) {
        const Framing framing = ops_.transport.framing(flow.fd.get(), config_, is_server_);
        std::copy_n(framing.mark.begin(), framing.mark_size, flow.outgoing.begin());
      }
      flow.pace = Pace(config_.options, connections.size());
    }
  } catch (const std::bad_alloc& e) {
    throw std::runtime_error(at_number("flow", flows_.size(), connections.size(), explained(e)));
  }

  // A loop and its flows.
  struct Work {
    TransferLoop loop;
    FlowGroup group;
    std::string error = {};  // of the loop's set-up
  };

  void add_groups(TransferLoop loop) {
    const std::size_t count = config_.options.threads.value_or(flows_.size());
    const std::size_t first = works_.size();
    std::latch& ready = ready_.emplace_back(static_cast<std::ptrdiff_t>(count));
    for (std::size_t i = 0; i < count; ++i) works_.push_back({loop, {{}, config_.options, &ready}});
    for (std::size_t i = 0; i < flows_.size(); ++i)
      works_[first + i % count].group.flows.push_back(&flows_[i]);
  }

  void perform(Work& work) noexcept {
    ::prctl(PR_SET_TIMERSLACK,
            1UL);  // 1 ns, so that sleeps of paced senders end in time (prctl(2))
    try {
      work.loop(work.group, meter_);
    } catch (const std::exception& e) {  // only before the first byte
      if (!meter_.stopped()) work.error = explained(e);
    }
    work.group.arrive();
  }

  void report(Measurement& m) const {
    // A failed send or receive explains an error of the window, unless stop() has caused it.
    for (const Flow& flow : flows_)
      if (const int error = flow.error; error != 0 && (m.error.empty() || !meter_.stopped()))
        m.error =
            std::string("the transfer failed: ") + std::strerror(error) + remedy_of_transfer(error);
    for (std::size_t i = works_.size(); i-- > 0;)  // reports the first that failed
      if (!works_[i].error.empty())
        m.error = at_number("thread", i + 1, works_.size(), works_[i].error);
    std::uint64_t zero_copy_sends = 0, copied = 0, mapped = 0, received = 0;
    for (const Flow& flow : flows_) received += flow.received.count();
    for (const Work& work : works_) {
      if (work.loop == ops_.send && sends()) m.sending_copies = work.group.copies;
      if (work.loop == ops_.receive && receives()) m.receiving_copies = work.group.copies;
      mapped += work.group.mapped_bytes;
      zero_copy_sends += work.group.zero_copy_sends;
      copied += work.group.zero_copy_copied;
    }
    if (zero_copy_sends > 0)
      m.zero_copied_ratio = 1 - static_cast<double>(copied) / static_cast<double>(zero_copy_sends);
    if (config_.options.receive == "map" && received > 0)
      m.mapped_ratio = static_cast<double>(mapped) / static_cast<double>(received);
    for (const Flow& flow : flows_)
      if (sends() && flow.pace.gaps()) m.spans[Span::send_gap].merge(*flow.pace.gaps());
    if (receives() && config_.options.transport == Transport::multicast) m.receivers = receivers();
    for (const Work& work : works_)
      if (work.group.frames) report_frames(m, *work.group.frames);
    report_socket(m);
  }

  // Returns the figures of each receiver, from the start of the window on.
  std::vector<ReceiverFigures> receivers() const {
    std::vector<ReceiverFigures> all;
    for (const Flow& flow : flows_) {
      const std::size_t index = all.size();
      const ReceiverFigures before =
          index < at_opening_.size() ? at_opening_[index] : ReceiverFigures{};
      all.push_back({.received = flow.sequence.distinct() - before.received,
                     .lost = flow.sequence.lost() - std::min(before.lost, flow.sequence.lost())});
    }
    return all;
  }

  static void report_frames(Measurement& m, const FrameCounts& counts) {
    if (counts.due) m.frames = m.frames.value_or(0) + *counts.due;
    if (counts.late) m.frames_late = m.frames_late.value_or(0) + *counts.late;
    m.frames_dropped = m.frames_dropped.value_or(0) + counts.dropped;
    if (counts.times) m.spans[Span::frame].merge(*counts.times);
  }

  // Reports the values that the kernel granted.
  void report_socket(Measurement& m) const {
    const int fd = flows_.front().fd.get();
    m.send_buffer_bytes = buffer_size(fd, SO_SNDBUF);
    m.receive_buffer_bytes = buffer_size(fd, SO_RCVBUF);
    if (receives() && config_.options.transport == Transport::tcp)
      m.low_watermark_bytes = low_watermark(fd);
    if (receives() && carries_udp()) {
      m.socket_drops = 0;
      for (const Flow& flow : flows_) *m.socket_drops += drops_of(flow.fd.get());
    }
    if (sends() && carries_udp()) m.path_mtu_bytes = path_mtu(fd);
    if (const auto state = tcp_state(fd)) {
      m.mss_bytes = state->mss_bytes;
      m.congestion_control = congestion_control_of(fd);
    }
  }

  // Called at the end of the warmup.
  void open_window() noexcept {
    set_limits();
    if (!receives()) return;
    for (const Flow& flow : flows_)
      review_low_watermark(flow.fd.get(), config_.options, flow.received.count());
    if (config_.options.transport == Transport::multicast) at_opening_ = receivers();
  }

  // Divides the limit of bytes or messages among the flows. The limit counts from the start of the
  // window.
  void set_limits() noexcept {
    const Options& o = config_.options;
    if (!sends() || !is_limited(o)) return;
    if (o.messages && o.size_mix) return set_limits_of_mix(*o.messages);
    std::uint64_t all = o.bytes.value_or(0);
    if (o.messages && __builtin_mul_overflow(*o.messages, *o.message_size, &all))
      all = std::numeric_limits<std::uint64_t>::max() / 2;
    const std::uint64_t share = (all + flows_.size() - 1) / flows_.size();
    for (Flow& flow : flows_) flow.sent.limit = flow.sent.count() + share;
  }

  void set_limits_of_mix(std::uint64_t messages) noexcept {
    const std::uint64_t share = (messages + flows_.size() - 1) / flows_.size();
    for (Flow& flow : flows_) flow.sent.limit = bytes_after(flow.sizes, flow.sent.count(), share);
  }

  Totals totals() const;
  void add_tcp(Totals& totals) const;
  void add_datagrams(Totals& totals) const;

  const TransferOps& ops_;
  const EndpointConfig config_;
  Meter meter_;
  const bool is_server_;
  Fd listener_;
  Address address_;
  std::vector<std::uint32_t> sizes_;  // of the messages of a mix
  std::deque<Flow> flows_;            // a deque, because flows contain atomics and cannot move
  std::deque<Work> works_;
  std::deque<std::latch> ready_;  // one per direction
  std::uint64_t rejected_ = 0;
  std::optional<HelloAnswers> answers_;      // of a server, until run()
  std::vector<ReceiverFigures> at_opening_;  // of the window
};

Totals Transfer::totals() const {
  Totals t;
  std::uint64_t sent = 0, received = 0, messages = 0;
  for (const Flow& flow : flows_) {
    sent += flow.sent.count();
    received += flow.received.count();
    messages += flow.sent.messages + flow.received.messages;
    if (receives()) t.received_per_stream.push_back(flow.received.count());
  }
  if (sends()) t.bytes_sent = sent;
  if (receives()) t.bytes_received = received;
  t.messages = messages;
  if (!is_stream(config_.options.transport))
    add_datagrams(t);
  else
    add_tcp(t);
  return t;
}

void Transfer::add_tcp(Totals& t) const {
  std::vector<TcpState> states;
  for (const Flow& flow : flows_)
    if (const auto state = tcp_state(flow.fd.get())) states.push_back(*state);
  if (states.empty()) return;
  const auto sum = [&](auto field) {
    std::remove_reference_t<decltype(states[0].*field)> total = 0;
    for (const TcpState& state : states) total += state.*field;
    return total;
  };
  const auto mean = [&](double TcpState::*field) {
    return sum(field) / static_cast<double>(states.size());
  };
  t.retransmits = sum(&TcpState::retransmits);
  t.cwnd_bytes = sum(&TcpState::cwnd_bytes);
  t.delivery_rate_bps = sum(&TcpState::delivery_rate_bps);
  t.rtt_ns = mean(&TcpState::rtt_ns);
  t.rttvar_ns = mean(&TcpState::rttvar_ns);
  t.min_rtt_ns = mean(&TcpState::min_rtt_ns);
  t.busy_s = mean(&TcpState::busy_s);
  t.rwnd_limited_s = mean(&TcpState::rwnd_limited_s);
  t.sndbuf_limited_s = mean(&TcpState::sndbuf_limited_s);
}

void Transfer::add_datagrams(Totals& t) const {
  std::uint64_t sent = 0, received = 0, lost = 0, expected = 0, out_of_order = 0, duplicates = 0;
  double jitter = 0;
  for (const Flow& flow : flows_) {
    sent += flow.sent.messages;
    received += flow.sequence.distinct();
    lost += flow.sequence.lost();
    expected += flow.sequence.expected();
    out_of_order += flow.sequence.out_of_order();
    duplicates += flow.sequence.duplicates();
    jitter += flow.sequence.jitter_ns();
  }
  if (sends()) t.datagrams_sent = sent;
  if (!receives()) return;
  t.datagrams_received = received;
  t.datagrams_lost = lost;
  t.datagrams_expected = expected;
  t.out_of_order = out_of_order;
  t.duplicates = duplicates;
  t.jitter_ns = jitter / static_cast<double>(flows_.size());
}

}  // namespace

Pace::Pace(const Options& o, std::size_t flows) : phases_(o), has_rate_(o.rate_bps.has_value()) {
  if (has_rate_) {
    const std::size_t unit = o.size_mix ? 1 : *o.message_size;
    gap_ns_ = 8e9 * static_cast<double>(unit * flows) / static_cast<double>(*o.rate_bps);
    timer_ns_ = static_cast<double>(o.pacing_timer.value_or(kPacingTimer));
    gaps_.emplace();
  } else if (phases_.pauses()) {
    gap_ns_ = kNoRate;
  }
  if (paced()) updated_ns_ = -std::numeric_limits<double>::infinity();
}

bool Pace::update(Nanoseconds time) noexcept {
  phases_.start(time);
  const double now = phases_.sending_time(time);
  const double late = now - std::ceil(std::max(next_ns_, updated_ns_ + timer_ns_));
  if (!has_rate_)
    next_ns_ = phases_.is_on(time) ? std::max(next_ns_, now) : now + 1;
  else if (late > kMaxBehind)  // also at the first update, which starts the schedule
    next_ns_ += late;
  updated_ns_ = now;
  if (!is_due()) return false;
  if (gaps_ && burst_start_ > 0) gaps_->record(time - burst_start_);
  burst_start_ = time;
  return true;
}

void Pace::sleep(const Meter& meter) noexcept {
  for (;;) {
    const Nanoseconds now = now_ns();
    if ((next_update() <= now && update(now)) || meter.window_closed()) return;
    const Nanoseconds due = std::min(next_update(), now + kStopCheck);
    const timespec until{due / kSecond, due % kSecond};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
}

std::unique_ptr<Endpoint> listen_transfer(const TransferOps& ops, const EndpointConfig& config) {
  return std::make_unique<Transfer>(ops, config, ops.transport.listen(config));
}

std::unique_ptr<Endpoint> connect_transfer(const TransferOps& ops, const EndpointConfig& config) {
  return std::make_unique<Transfer>(
      ops, config, ops.transport.connect(config, config.options.streams.value_or(1)));
}

}  // namespace pingperf
