// Meter: opens and closes the measured window of a trial's end while its loops run.
//
//   first byte      open              close
//       |--- warmup ---|--- duration ---|--- tail: receivers drain ---|
//
// The loops only count. A thread of the meter's reads their counts when the window opens, at every
// interval and when it closes, each with the clock beside it, so that a late wake-up moves the edge
// of the window and never falsifies a rate.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "sockets/core/clock.h"
#include "sockets/core/options.h"
#include "sockets/measure/measurement.h"

namespace pingperf {

// The cumulative figures of an end at one instant; the meter takes differences. What an end does
// not count stays empty.
struct Totals {
  std::optional<std::uint64_t> bytes_sent;
  std::optional<std::uint64_t> bytes_received;
  std::optional<std::uint64_t> messages;
  std::optional<std::uint64_t> datagrams_sent;
  std::optional<std::uint64_t> datagrams_received;
  std::optional<std::uint64_t> datagrams_lost;
  std::optional<std::uint64_t> out_of_order;
  std::optional<std::uint64_t> duplicates;
  std::optional<double> jitter_ns;  // not cumulative: the state of the estimator
  std::optional<std::uint64_t> retransmits;
  // Not cumulative: TCP's state now.
  std::optional<double> rtt_ns;
  std::optional<double> rttvar_ns;
  std::optional<double> min_rtt_ns;
  std::optional<double> delivery_rate_bps;
  std::optional<std::uint64_t> cwnd_bytes;
  // Cumulative times in TCP's states, mean over streams.
  std::optional<double> busy_s;
  std::optional<double> rwnd_limited_s;
  std::optional<double> sndbuf_limited_s;
  std::vector<std::uint64_t> received_per_stream;
};

// Thread-safe: the loops call first_byte(), loop_done() and window_closed(), anyone stop().
class Meter {
 public:
  explicit Meter(const Options& options);

  // A loop moved its first payload byte. The first call of all starts the warmup.
  // Returns that first instant.
  Nanoseconds first_byte() noexcept;
  // A loop is over. When `loops` of them are, so is the window.
  void loop_done() noexcept;
  // The window is over: senders stop, receivers go on until they have everything.
  bool window_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }
  // Ends everything now.
  void stop() noexcept;
  bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

  // Instants of the window, for loops that look at the clock anyway.
  Nanoseconds open_after(Nanoseconds first) const noexcept { return first + warmup_; }
  Nanoseconds close_after(Nanoseconds first) const noexcept;

  // Watches until `loops` loops have finished and returns what `probe` counted in the window; it
  // reads what is counted before anything else.
  // `start` is what it said before the loops ran. `opened` (may be empty) is called as a window
  // opens after a warmup.
  Measurement sample(std::size_t loops, const Totals& start, const std::function<Totals()>& probe,
                     const IntervalSink& progress, const std::function<void()>& opened = {});

 private:
  bool wait_until(Nanoseconds when, std::size_t loops);
  Nanoseconds wait_for_first(std::size_t loops);
  Nanoseconds next_read(Nanoseconds last, Nanoseconds close) const noexcept;

  const Nanoseconds warmup_;
  const std::optional<Nanoseconds> duration_;
  const Nanoseconds interval_;

  std::atomic<bool> closed_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> cut_short_{false};  // stopped before the window closed
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<Nanoseconds> first_{0};  // 0: nothing has been transferred
  std::size_t finished_ = 0;           // guarded by mutex_
};

// Fills the TCP RTT and congestion window figures from the intervals.
void set_tcp_figures(Measurement& measurement);

// Jain's fairness index: (Σx)² / (n Σx²), from 1/n (one stream has all) to 1 (all equal). Nothing
// for fewer than two streams, or when all are 0 (Jain, Chiu, Hawe 1984).
std::optional<double> jain_index(const std::vector<double>& shares);

// Runs every loop on a thread of its own and watches them with `meter` from this one.
Measurement run_loops(Meter& meter, const std::vector<std::function<void()>>& loops,
                      const std::function<Totals()>& probe, const IntervalSink& progress,
                      const std::function<void()>& opened = {});

}  // namespace pingperf
