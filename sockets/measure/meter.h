// Meter: opens and closes the measured window of one end while its loops run.
//
//   first byte      open              close
//       |--- warmup ---|--- duration ---|--- tail: receivers drain ---|
//
// The loops only count. The thread that calls sample() reads the counts when the window opens, at
// the end of each interval and when the window closes. It reads the clock with the counts, so a
// late wake-up moves the edge of the window but does not falsify a rate.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "sockets/core/clock.h"
#include "sockets/core/options.h"
#include "sockets/measure/measurement.h"

namespace pingperf {

// The cumulative figures of one end at one instant. The meter computes differences. A figure that
// the end does not count is empty.
struct Totals {
  std::optional<std::uint64_t> bytes_sent;
  std::optional<std::uint64_t> bytes_received;
  std::optional<std::uint64_t> messages;
  std::optional<std::uint64_t> datagrams_sent;
  std::optional<std::uint64_t> datagrams_received;
  std::optional<std::uint64_t> datagrams_lost;
  std::optional<std::uint64_t> datagrams_expected;  // that the receiver knows to have been sent
  std::optional<std::uint64_t> out_of_order;
  std::optional<std::uint64_t> duplicates;
  std::optional<double> jitter_ns;  // not cumulative: the current estimate
  std::optional<std::uint64_t> retransmits;
  // Not cumulative: TCP's current state.
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

// Thread-safe: the loops call first_byte(), loop_done() and window_closed(); any thread may call
// stop().
class Meter {
 public:
  explicit Meter(const Options& options);

  // Reports that a loop transferred its first payload byte. The first call starts the warmup.
  // Returns the time of the first call.
  Nanoseconds first_byte() noexcept;
  // Reports that a loop has ended. The window closes when all loops have ended.
  void loop_done() noexcept;
  // Returns true after the end of the window. Senders then stop; receivers drain.
  bool window_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }
  // Ends the window and the loops at once.
  void stop() noexcept;
  bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

  // Return the start and the end of the window, for loops that read the clock anyway. `first` is
  // the result of first_byte().
  Nanoseconds open_after(Nanoseconds first) const noexcept { return first + warmup_; }
  Nanoseconds close_after(Nanoseconds first) const noexcept;

  // Samples `probe` until `loops` loops have ended. Returns the figures of the window. `start` is
  // the result of `probe` before the loops started. `probe` must read its counters first. Calls
  // `opened`, which may be empty, when a window opens after a warmup.
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
  std::atomic<Nanoseconds> first_{0};  // 0: nothing transferred yet
  std::size_t finished_ = 0;           // guarded by mutex_
};

// Maximum delay until a waiting loop notices that the window has closed or the meter was stopped.
inline constexpr Nanoseconds kStopCheck = 50 * kMillisecond;

// Computes the figures of TCP's RTT and congestion window from the intervals.
void set_tcp_figures(Measurement& measurement);

// Returns Jain's fairness index (Σx)² / (n Σx²), from 1/n (one stream has all) to 1 (all are equal)
// (Jain, Chiu, Hawe 1984). Returns nullopt for fewer than two streams, or if all are 0.
std::optional<double> jain_index(const std::vector<double>& shares);

// Runs each loop on its own thread and samples `probe` on this thread, as Meter::sample() does.
// Returns the figures of the window and the CPUs on which the loops ran. If a thread cannot be
// created, runs no loop and returns the error alone. With several `cpus`, each loop gets one of
// them, in turn.
Measurement run_loops(Meter& meter, const std::vector<std::function<void()>>& loops,
                      const std::function<Totals()>& probe, const IntervalSink& progress,
                      std::span<const unsigned> cpus = {},
                      const std::function<void()>& opened = {});

}  // namespace pingperf
