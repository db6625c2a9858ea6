#include "sockets/measure/meter.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <system_error>
#include <thread>

#include "sockets/core/cpu_set.h"
#include "sockets/core/limits.h"
#include "sockets/measure/placement.h"
#include "sockets/measure/usage.h"

namespace pingperf {
namespace {

// Intervals between readings of the counts. Ten readings of TCP_INFO per second have no measurable
// cost. The interval of latency loops is longer, because a wake-up on the CPU of the loop delays
// the current ping.
constexpr Nanoseconds kThroughputInterval = 100 * kMillisecond;
constexpr Nanoseconds kLatencyInterval = 500 * kMillisecond;

constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();

struct Snapshot {
  Nanoseconds time;
  Totals totals;
};

// Reads the clock before the probe. The probe reads the counters first and TCP_INFO last, because
// TCP_INFO can take long on a busy socket and the counters must match the time.
Snapshot take(const std::function<Totals()>& probe) {
  const Nanoseconds time = now_ns();
  return {time, probe()};
}

std::optional<std::uint64_t> difference(const std::optional<std::uint64_t>& after,
                                        const std::optional<std::uint64_t>& before) {
  if (!after || !before) return std::nullopt;
  return *after >= *before ? *after - *before : 0;  // a late datagram can reduce the losses
}

// Returns the growth of a cumulative time as a share of the elapsed time, from 0 to 1. TCP counts
// in steps, so the quotient can be slightly more than 1.
std::optional<double> share(const std::optional<double>& after, const std::optional<double>& before,
                            double seconds) {
  if (!after || !before || seconds <= 0) return std::nullopt;
  return std::clamp((*after - *before) / seconds, 0.0, 1.0);
}

Interval interval_between(const Snapshot& a, const Snapshot& b, Nanoseconds open) {
  Interval i;
  i.start_s = to_seconds(a.time - open);
  i.end_s = to_seconds(b.time - open);
  i.bytes_sent = difference(b.totals.bytes_sent, a.totals.bytes_sent);
  i.bytes_received = difference(b.totals.bytes_received, a.totals.bytes_received);
  i.messages = difference(b.totals.messages, a.totals.messages);
  i.retransmits = difference(b.totals.retransmits, a.totals.retransmits);
  i.rtt_ns = b.totals.rtt_ns;
  i.cwnd_bytes = b.totals.cwnd_bytes;
  i.rttvar_ns = b.totals.rttvar_ns;
  i.min_rtt_ns = b.totals.min_rtt_ns;
  i.delivery_rate_bps = b.totals.delivery_rate_bps;
  const double seconds = i.end_s - i.start_s;
  i.busy_ratio = share(b.totals.busy_s, a.totals.busy_s, seconds);
  i.rwnd_limited_ratio = share(b.totals.rwnd_limited_s, a.totals.rwnd_limited_s, seconds);
  i.sndbuf_limited_ratio = share(b.totals.sndbuf_limited_s, a.totals.sndbuf_limited_s, seconds);
  return i;
}

std::vector<double> shares(const std::vector<std::uint64_t>& before,
                           const std::vector<std::uint64_t>& after) {
  std::vector<double> shares;
  for (std::size_t i = 0; i < after.size(); ++i)
    shares.push_back(static_cast<double>(after[i] - before[i]));
  return shares;
}

// Raises the priority of this thread during the object's lifetime (setpriority(2)). Has no effect
// without CAP_SYS_NICE. Beside hundreds of busy loops the thread would otherwise run half a second
// late.
class RaisedPriority {
 public:
  RaisedPriority() noexcept : before_(::getpriority(PRIO_PROCESS, 0)) {
    ::setpriority(PRIO_PROCESS, 0, kHighest);
  }
  ~RaisedPriority() { ::setpriority(PRIO_PROCESS, 0, before_); }
  RaisedPriority(const RaisedPriority&) = delete;
  RaisedPriority& operator=(const RaisedPriority&) = delete;

 private:
  static constexpr int kHighest = -20;
  const int before_;
};

void set_window(Measurement& m, const Snapshot& open, const Snapshot& close) {
  const Totals &a = open.totals, &b = close.totals;
  m.window_s = to_seconds(close.time - open.time);
  m.bytes_sent = difference(b.bytes_sent, a.bytes_sent);
  m.bytes_received = difference(b.bytes_received, a.bytes_received);
  m.datagrams_sent = difference(b.datagrams_sent, a.datagrams_sent);
  m.datagrams_received = difference(b.datagrams_received, a.datagrams_received);
  m.out_of_order = difference(b.out_of_order, a.out_of_order);
  m.duplicates = difference(b.duplicates, a.duplicates);
  m.jitter_ns = b.jitter_ns;
  m.retransmits = difference(b.retransmits, a.retransmits);
  m.fairness_index = jain_index(shares(a.received_per_stream, b.received_per_stream));
  set_tcp_figures(m);
}

}  // namespace

void set_tcp_figures(Measurement& m) {
  double sum = 0, count = 0;
  for (const Interval& i : m.intervals) {
    if (i.cwnd_bytes) m.cwnd_max_bytes = std::max(m.cwnd_max_bytes.value_or(0), *i.cwnd_bytes);
    if (!i.rtt_ns) continue;
    m.tcp_rtt_min_ns = std::min(m.tcp_rtt_min_ns.value_or(*i.rtt_ns), *i.rtt_ns);
    sum += *i.rtt_ns;
    ++count;
  }
  if (count > 0) m.tcp_rtt_mean_ns = sum / count;
}

std::optional<double> jain_index(const std::vector<double>& shares) {
  double sum = 0, squares = 0;
  for (double x : shares) {
    sum += x;
    squares += x * x;
  }
  if (shares.size() < 2 || squares == 0) return std::nullopt;
  return sum * sum / (static_cast<double>(shares.size()) * squares);
}

Meter::Meter(const Options& options)
    : warmup_(options.warmup.value_or(0)),
      duration_(options.duration),
      interval_(options.kind == Kind::throughput ? kThroughputInterval : kLatencyInterval) {}

// Only the first call takes the lock. If hundreds of loops took it, the sampling thread would wait.
Nanoseconds Meter::first_byte() noexcept {
  Nanoseconds first = 0;
  const Nanoseconds now = now_ns();
  if (!first_.compare_exchange_strong(first, now)) return first;
  { const std::lock_guard lock(mutex_); }  // a waiting thread has seen first_ or sleeps by now
  changed_.notify_all();
  return now;
}

void Meter::loop_done() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ++finished_;
  }
  changed_.notify_all();
}

void Meter::stop() noexcept {
  const std::lock_guard lock(mutex_);
  if (!closed_) cut_short_ = true;
  closed_ = true;
  stopped_ = true;
  changed_.notify_all();
}

Nanoseconds Meter::close_after(Nanoseconds first) const noexcept {
  return duration_ ? first + warmup_ + *duration_ : kNever;
}

// Waits until `when`. Returns false if all loops have ended or stop() was called before.
bool Meter::wait_until(Nanoseconds when, std::size_t loops) {
  std::unique_lock lock(mutex_);
  const auto over = [&] { return finished_ >= loops || stopped_; };
  if (when == kNever) {
    changed_.wait(lock, over);
    return false;
  }
  const std::chrono::steady_clock::time_point instant{std::chrono::nanoseconds(when)};
  return !changed_.wait_until(lock, instant, over);
}

// Waits for the first byte. Returns its time, or 0 if nothing was transferred.
Nanoseconds Meter::wait_for_first(std::size_t loops) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return first_ != 0 || finished_ >= loops || stopped_; });
  return first_;
}

// Returns the end of the next interval: the close of the window if less than half an interval would
// remain.
Nanoseconds Meter::next_read(Nanoseconds last, Nanoseconds close) const noexcept {
  return close - last < interval_ + interval_ / 2 ? close : last + interval_;
}

Measurement Meter::sample(std::size_t loops, const Totals& start,
                          const std::function<Totals()>& probe, const IntervalSink& progress,
                          const std::function<void()>& opened) {
  const RaisedPriority raised_priority;
  const Nanoseconds first = wait_for_first(loops);
  Measurement m;
  if (first == 0) {
    m.error = "nothing was transferred";
  } else if (warmup_ > 0 && !wait_until(first + warmup_, loops)) {
    m.error = "the transfer ended before the warmup was over";
  }
  const Usage before = Usage::now();
  // Without a warmup the window is the whole transfer, even if this thread wakes up late.
  const Snapshot open = warmup_ == 0 ? Snapshot{first, start} : take(probe);
  if (opened && warmup_ > 0) opened();
  const Nanoseconds close = duration_ ? open.time + *duration_ : kNever;

  Snapshot last = open;
  for (bool going = m.error.empty(); going && last.time < close;) {
    going = wait_until(next_read(last.time, close), loops);
    Snapshot next = take(probe);
    m.intervals.push_back(interval_between(last, next, open.time));
    if (progress) progress(m.intervals.back());
    last = std::move(next);
  }
  set_usage(m, before, Usage::now());
  closed_ = true;
  wait_until(kNever, loops);
  if (cut_short_) m.error = "stopped before the end of the window";
  set_window(m, open, last);
  const Totals all = probe();
  m.total_bytes_sent = all.bytes_sent;
  m.total_bytes_received = all.bytes_received;
  m.datagrams_lost = difference(all.datagrams_lost, open.totals.datagrams_lost);
  m.total_datagrams_sent = all.datagrams_sent;
  m.total_datagrams_expected = all.datagrams_expected;
  return m;
}

namespace {

// Threads that wait for begin(). If one cannot be created, the others end without having begun.
class WaitingThreads {
 public:
  WaitingThreads() = default;
  WaitingThreads(const WaitingThreads&) = delete;
  WaitingThreads& operator=(const WaitingThreads&) = delete;
  ~WaitingThreads() {
    if (!has_begun_) begin_.set_value(false);
    join();
  }
  // Starts a thread of `count` for `body`. Throws std::system_error.
  void add(const std::function<void()>& body, std::size_t count) {
    const std::size_t number = threads_.size() + 1;
    threads_.push_back(
        start_thread("thread " + std::to_string(number) + " of " + std::to_string(count),
                     [body, begun = begun_] {
                       if (begun.get()) body();
                     }));
  }
  void begin() {
    begin_.set_value(true);
    has_begun_ = true;
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::promise<bool> begin_;
  std::shared_future<bool> begun_ = begin_.get_future().share();
  bool has_begun_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

Measurement run_loops(Meter& meter, const std::vector<std::function<void()>>& loops,
                      const std::function<Totals()>& probe, const IntervalSink& progress,
                      std::span<const unsigned> cpus, const std::function<void()>& opened) {
  const Totals start = probe();
  Placement placement;
  WaitingThreads threads;
  try {
    for (std::size_t i = 0; i < loops.size(); ++i)
      threads.add(
          [&, i] {
            if (cpus.size() > 1) set_affinity(cpus.subspan(i % cpus.size(), 1));
            placement.add_this_thread();
            loops[i]();
            placement.note_this_cpu();
            meter.loop_done();
          },
          loops.size());
  } catch (const std::system_error& e) {
    Measurement failed;
    failed.error = e.what();
    return failed;
  }
  threads.begin();
  const auto probe_and_look = [&] {
    Totals totals = probe();
    placement.sample_cpus();
    return totals;
  };
  Measurement measurement = meter.sample(loops.size(), start, probe_and_look, progress, opened);
  threads.join();
  measurement.cpus = placement.text();
  return measurement;
}

}  // namespace pingperf
