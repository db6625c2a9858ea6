#include "sockets/latency/pingpong.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <limits>
#include <string>
#include <system_error>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/limits.h"
#include "sockets/core/socket_options.h"
#include "sockets/latency/connect_listener.h"
#include "sockets/transport/datagram.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

constexpr std::uint64_t kMaxSamples = 2'000'000;  // per trial; they must fit into one message
constexpr std::size_t kMinBuffer = 64;            // fits every mark of a flow

// Returns the size of the part of a stream's message that differs from ping to ping: the number of
// a closed loop's ping if it fits, or the header of an open loop's ping.
std::size_t head_of_stream(const Options& o) {
  if (o.kind == Kind::connect) return 0;
  if (o.frequency_hz) return sizeof(DatagramHeader);
  const std::uint64_t pong = o.response_size.value_or(min_message(o));
  return std::min(min_message(o), pong) >= kPingNumber ? kPingNumber : 0;
}

// Returns the number of TCP sockets in TIME_WAIT in the network namespace of this thread (proc(5)),
// or nothing if the kernel does not report it.
std::optional<std::uint64_t> count_time_waits() {
  std::ifstream in("/proc/thread-self/net/sockstat");
  for (std::string word; in >> word;)
    if (std::uint64_t count = 0; word == "tw" && in >> count) return count;
  return std::nullopt;
}

// Throws std::runtime_error if this process cannot open `count` connections at once. A loop that
// met the limit in the window would have to reset one of them.
void require_descriptors(std::size_t count) {
  std::vector<Fd> descriptors;
  for (std::size_t i = 0; i < count; ++i)
    set_up_one("connection", i + 1, count, [&] {
      descriptors.emplace_back(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    });
}

class PingPong final : public Endpoint {
 public:
  // A server, which gets its flows in accept().
  PingPong(const PingPongOps& ops, const EndpointConfig& config, Fd listener)
      : PingPong(ops, config, true) {
    listener_ = std::move(listener);
    address_ = Address::local_of(listener_.get());
  }

  // A client with its flows.
  PingPong(const PingPongOps& ops, const EndpointConfig& config, std::vector<Fd> flows)
      : PingPong(ops, config, false) {
    adopt(std::move(flows));
  }

  Address address() const override { return address_; }

  void accept() override {
    adopt(
        ops_.transport.admit(std::move(listener_), config_, streams(), threads_[0].rejected_peers));
    answers_.emplace(descriptors(), config_);
    if (config_.options.kind != Kind::connect) return;
    connect_listener_.emplace(threads_[0].flows.front().fd.get(), config_.token, threads_.size());
    for (PingThread& t : threads_) t.listener = &*connect_listener_;
  }

  Measurement run(const IntervalSink& progress) noexcept override {
    answers_.reset();
    const PingPongOps::Loop loop = is_server_ ? ops_.pong : ops_.ping;
    std::vector<std::function<void()>> loops;
    for (PingThread& thread : threads_)
      loops.push_back([&, this] {
        ::prctl(PR_SET_TIMERSLACK, 1UL);  // 1 ns, so that sleeps end in time (prctl(2))
        try {
          loop(thread, meter_, config_);
        } catch (const std::exception& e) {  // a loop throws only while it sets up
          if (!meter_.stopped()) thread.set_up_error = explained(e);
        }
      });
    Measurement m = run_loops(
        meter_, loops, [this] { return totals(); }, progress, config_.cpus);
    const Nanoseconds ended = fast_now_ns();
    for (std::size_t i = threads_.size(); i-- > 0;)  // reports the first that failed
      if (!threads_[i].set_up_error.empty())
        m.error = at_number("thread", i + 1, threads_.size(), threads_[i].set_up_error);
    for (const PingThread& t : threads_)
      if (t.error != 0)
        m.error = explained(std::system_error(t.error, std::generic_category(), t.failed_call));
    if (!ops_.transport.is_stream() && !threads_[0].flows.empty())
      m.path_mtu_bytes = path_mtu(threads_[0].flows[0].fd.get());
    m.total_exchanges = sum(&PingThread::total_exchanges);
    m.clock = fast_clock.name();
    m.clock_cost_ns = fast_clock.cost_ns;
    if (is_server_)
      m.rejected_peers = sum(&PingThread::rejected_peers) +
                         (connect_listener_ ? connect_listener_->rejected() : 0);
    else
      try_report(m, ended);
    return m;
  }

  void stop() noexcept override {
    meter_.stop();
    for (PingThread& thread : threads_)
      for (PingFlow& flow : thread.flows) ::shutdown(flow.fd.get(), SHUT_RDWR);
  }

 private:
  PingPong(const PingPongOps& ops, const EndpointConfig& config, bool is_server)
      : ops_(ops), config_(config), meter_(config.options), is_server_(is_server) {
    calibrate_clock();
    const Options& o = config.options;
    const std::uint64_t count = thread_count(o);
    const std::uint64_t messages = o.messages.value_or(std::numeric_limits<std::uint64_t>::max());
    for (std::uint64_t i = 0; i < count; ++i) {
      PingThread& t = threads_.emplace_back();
      t.limit = messages / count + (i < messages % count ? 1 : 0);
      set_up_one("thread", i + 1, count, [&] {
        make_messages(t);
        if (o.samples && !is_server) t.samples.resize(kMaxSamples / count);
      });
      t.samples.clear();  // their memory was touched before the first ping
    }
  }

  void make_messages(PingThread& t) const {
    const Options& o = config_.options;
    t.verify = o.verify.value_or(false);
    t.head = head_of_stream(o);
    t.outgoing.resize(is_server_ ? response_size(o) : max_message(o));
    t.expected.resize(is_server_ ? max_message(o) : response_size(o));
    t.incoming.resize(std::max({t.outgoing.size(), t.expected.size(), kMinBuffer}));
    // A shorter message is the start of a longer one. So a server that receives a ping into
    // `incoming` has the pong there, with the head of the ping.
    for (std::vector<char>* const message : {&t.outgoing, &t.expected, &t.incoming})
      fill_pattern(*message, config_.token);
    if (o.size_mix) make_mix(t, parse_size_mix(*o.size_mix).value());
  }

  // Gives the thread messages of each size. They are the starts of the largest ones.
  void make_mix(PingThread& t, const std::vector<SizeShare>& sizes) const {
    const auto start_of = [](const std::vector<char>& message, std::uint64_t size) {
      return std::vector<char>(message.begin(),
                               message.begin() + static_cast<std::ptrdiff_t>(size));
    };
    for (const SizeShare& each : sizes) {
      const std::uint64_t pong = config_.options.response_size.value_or(each.size);
      t.mix.push_back({.size = each.size,
                       .outgoing = start_of(t.outgoing, is_server_ ? pong : each.size),
                       .expected = start_of(t.expected, is_server_ ? each.size : pong)});
    }
    for (const std::uint32_t size : size_sequence(sizes))
      t.size_sequence.push_back(static_cast<std::uint8_t>(
          std::ranges::find(t.mix, size, &PingShare::size) - t.mix.begin()));
    t.swap_messages();
  }

  std::uint64_t streams() const { return config_.options.streams.value_or(1); }

  void adopt(std::vector<Fd> flows) {
    if (config_.options.kind == Kind::connect) require_descriptors(streams());
    for (std::size_t i = 0; i < flows.size(); ++i) {
      PingThread& t = threads_[i % threads_.size()];
      if (!ops_.transport.is_stream() && t.flows.empty()) {
        t.framing = ops_.transport.framing(flows[i].get(), config_, is_server_);
        t.incoming.insert(t.incoming.begin(), t.framing.ip_header, '\0');
        t.head = t.framing.mark_size + sizeof(DatagramHeader);
        std::copy_n(t.framing.mark.begin(), t.framing.mark_size, t.outgoing.begin());
        for (PingShare& share : t.mix)
          if (!share.outgoing.empty())
            std::copy_n(t.framing.mark.begin(), t.framing.mark_size, share.outgoing.begin());
      }
      t.flows.emplace_back().fd = std::move(flows[i]);
      t.flows.back().index = i;
    }
    if (flows.empty())  // connect: each flow counts its exchanges
      for (std::size_t i = 0; i < streams(); ++i)
        threads_[i % threads_.size()].flows.emplace_back();
  }

  std::vector<int> descriptors() const {
    std::vector<int> all;
    for (const PingThread& t : threads_)
      for (const PingFlow& flow : t.flows) all.push_back(flow.fd.get());
    return all;
  }

  Totals totals() const {
    Totals totals;
    if (is_server_) return totals;
    totals.messages = 0;
    for (const PingThread& t : threads_)
      *totals.messages += t.exchanges.load(std::memory_order_relaxed);
    return totals;
  }

  std::uint64_t sum(std::uint64_t PingThread::*count) const {
    std::uint64_t sum = 0;
    for (const PingThread& t : threads_) sum += t.*count;
    return sum;
  }

  void try_report(Measurement& m, Nanoseconds ended) noexcept {
    try {
      report(m, ended);
    } catch (const std::bad_alloc& e) {
      m.error = explained(e);
    }
  }

  void report(Measurement& m, Nanoseconds ended) {
    // Uses the window of the loop, because the meter's thread wakes up late if the loop has the
    // CPU.
    const PingThread& first = threads_.front();
    if (config_.options.messages) {  // the window ends with the last ping
      ended = 0;
      for (const PingThread& t : threads_) ended = std::max(ended, t.ended);
    }
    if (ended > first.opened) m.window_s = to_seconds(std::min(ended, first.closed) - first.opened);
    m.bytes_sent = sum(&PingThread::issued) * max_message(config_.options);
    m.exchanges = 0;
    std::vector<double> shares;
    for (PingThread& t : threads_) {
      *m.exchanges += t.exchanges;
      if (t.rtt.count() > 0) (m.rtt ? *m.rtt : m.rtt.emplace()).merge(t.rtt);
      for (auto& [span, histogram] : t.spans) m.spans[span].merge(histogram);
      m.samples.insert(m.samples.end(), t.samples.begin(), t.samples.end());
      m.receivers.insert(m.receivers.end(), t.receivers.begin(), t.receivers.end());
      for (const PingFlow& flow : t.flows) shares.push_back(static_cast<double>(flow.exchanges));
    }
    m.bytes_received = *m.exchanges * response_size(config_.options);
    if (config_.options.size_mix) report_mix(m);
    std::stable_sort(m.samples.begin(), m.samples.end(),
                     [](const Sample& a, const Sample& b) { return a.sent < b.sent; });
    if (config_.options.samples) m.samples_dropped = sum(&PingThread::samples_dropped);
    m.fairness_index = jain_index(shares);
    m.lost = sum(&PingThread::lost);
    if (const auto found = m.spans.find(Span::handshake); found != m.spans.end()) {
      m.handshakes = found->second.count();
      m.resumed_handshakes = sum(&PingThread::resumed_handshakes);
    }
    const bool open_loop = config_.options.frequency_hz.has_value();
    if (open_loop) m.unsent = sum(&PingThread::unsent);
    if (!ops_.transport.is_stream()) {
      if (!open_loop)
        m.late = sum(&PingThread::late);  // an open loop has no timeouts while it runs
      m.duplicates = sum(&PingThread::duplicates);
      m.out_of_order = sum(&PingThread::out_of_order);
    }
    if (config_.options.kind == Kind::connect) {
      m.port_waits = sum(&PingThread::port_waits);
      if (has_port(config_.options.transport)) m.time_waits = count_time_waits();
    }
    if (m.exchanges == 0 && m.error.empty()) m.error = kNoPingAnswered;
  }

  // Reports the round trips of each size, and the bytes of all.
  void report_mix(Measurement& m) const {
    m.bytes_sent = m.bytes_received = 0;
    m.rtt_of_sizes.resize(threads_.front().mix.size());
    for (const PingThread& t : threads_)
      for (std::size_t i = 0; i < t.mix.size(); ++i) {
        const PingShare& share = t.mix[i];
        m.rtt_of_sizes[i].merge(share.rtt);
        *m.bytes_sent += share.issued * share.size;
        *m.bytes_received += share.rtt.count() * config_.options.response_size.value_or(share.size);
      }
  }

  const PingPongOps ops_;
  const EndpointConfig config_;
  Meter meter_;
  const bool is_server_;
  Fd listener_;
  Address address_;
  std::optional<ConnectListener> connect_listener_;
  std::deque<PingThread> threads_;       // a deque, because threads contain atomics and cannot move
  std::optional<HelloAnswers> answers_;  // of a server, until run()
};

// Makes sure that an external server sends back what it receives, before a trial takes any bytes
// for pongs. Sends one ping that ends with an empty line, so that a server that reads lines
// answers, too. Throws std::runtime_error if the server does not send back the same bytes before
// the deadline.
void require_echo(int fd, const EndpointConfig& config) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  std::vector<char> ping(max_message(config.options)), pong(ping.size());
  fill_pattern(ping, config.token);
  if (ping.size() >= kEnd.size())
    std::copy(kEnd.begin(), kEnd.end(), ping.end() - static_cast<std::ptrdiff_t>(kEnd.size()));
  const std::string where = config.address.to_string();
  if (!send_all(fd, ping.data(), ping.size())) check(-1, "send to " + where);
  for (std::size_t received = 0; received < ping.size();) {
    if (!wait_readable(fd, config.deadline))
      throw std::runtime_error(
          where + " did not answer: it is not an echo server, or it serves another client");
    const ssize_t n = ::recv(fd, pong.data() + received, ping.size() - received, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) throw std::runtime_error(where + " closed the connection: not an echo server");
    const auto more = static_cast<std::size_t>(n);
    if (std::memcmp(pong.data() + received, ping.data() + received, more) != 0)
      throw std::runtime_error(where + " " + kOtherBytes);
    received += more;
  }
}

}  // namespace

PingWindow open_window(PingThread& thread, Meter& meter) noexcept {
  const Nanoseconds first = meter.first_byte();
  thread.opened = meter.open_after(first);
  // Without a warmup the first ping counts, also if the clock of the loop is behind the meter's.
  if (thread.opened == first) thread.opened = std::min(first, fast_now_ns());
  thread.closed = meter.close_after(first);
  return {thread.opened, thread.closed};
}

void fail(PingThread& thread, const Meter& meter, const char* call) noexcept {
  if (meter.stopped()) return;
  thread.error = errno == 0 ? ECONNRESET : errno;  // 0: the stream ended within a message
  thread.failed_call = call;
}

std::unique_ptr<Endpoint> listen_pingpong(const PingPongOps& ops, const EndpointConfig& config) {
  return std::make_unique<PingPong>(ops, config, ops.transport.listen(config));
}

std::unique_ptr<Endpoint> connect_pingpong(const PingPongOps& ops, const EndpointConfig& config) {
  std::vector<Fd> flows = ops.transport.connect(config, config.options.streams.value_or(1));
  if (config.external && ops.transport.is_stream())
    require_echo(flows.empty() ? dial_stream(config).get() : flows[0].get(), config);
  return std::make_unique<PingPong>(ops, config, std::move(flows));
}

}  // namespace pingperf
