// Transfer: an end of a bulk transfer, whatever its transport: flows, and loops that move them. A
// loop has a thread of its own for each flow and direction, or, with `threads`, for a share of the
// flows.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <deque>
#include <latch>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "sockets/measure/histogram.h"
#include "sockets/measure/meter.h"
#include "sockets/measure/sequence.h"
#include "sockets/transport/transport.h"

namespace pingperf {

// Counts of one direction of one flow: written by its loop alone, read by the meter. Plain moves,
// on a cache line of their own.
struct alignas(64) FlowCounter {
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> limit{std::numeric_limits<std::uint64_t>::max()};  // in bytes

  void add(std::uint64_t n, std::uint64_t count = 1) noexcept {
    bytes.store(bytes.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    messages.store(messages.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t count() const noexcept { return bytes.load(std::memory_order_relaxed); }
  bool full() const noexcept { return count() >= limit.load(std::memory_order_relaxed); }
};

// How long a loop that waits for anything else may not notice that the meter has closed.
inline constexpr Nanoseconds kNap = 50 * kMillisecond;

// The send times of a paced flow: message k is due k message times after the first. The schedule is
// looked at once in a pacing_timer, and what is due by then leaves at once. It is fixed: what a
// late look missed is made up for, so the mean rate holds.
class Pace {
 public:
  // As fast as it goes: always due.
  Pace() noexcept = default;
  // The share of one of `flows` of the options' rate.
  Pace(const Options& options, std::size_t flows);

  bool paced() const noexcept { return gap_ns_ > 0; }
  // The next message may leave: it was due at the last look.
  bool is_due() const noexcept { return next_ns_ <= looked_ns_; }
  // When to look again, of a flow that is not due.
  Nanoseconds next_look() const noexcept {
    return static_cast<Nanoseconds>(std::ceil(std::max(next_ns_, looked_ns_ + timer_ns_)));
  }
  // Looks at the schedule, for a flow that is not due. Returns is_due().
  bool look(Nanoseconds now) noexcept;
  // The next `messages` leave.
  void leave(std::size_t messages = 1) noexcept {
    next_ns_ += gap_ns_ * static_cast<double>(messages);
  }
  // Sleeps until the next `messages` are due, or the meter has closed; then they leave.
  void wait(const Meter& meter, std::size_t messages = 1) noexcept {
    if (!is_due()) sleep(meter);
    leave(messages);
  }
  // How long after the one before each burst left, a message alone being one.
  const std::optional<Histogram>& gaps() const noexcept { return gaps_; }

 private:
  void sleep(const Meter& meter) noexcept;

  static constexpr double kMaxBehind = 100e6;  // ns: a look that is later makes up for nothing

  double gap_ns_ = 0;
  double timer_ns_ = 0;
  double next_ns_ = 0;    // when the next message is due
  double looked_ns_ = 0;  // when the schedule was looked at last
  double left_ns_ = 0;    // when the last burst left
  std::optional<Histogram> gaps_;
};

// One connection or UDP flow.
struct Flow {
  Fd fd;
  FlowCounter sent;
  FlowCounter received;
  SequenceTracker sequence;    // UDP
  std::vector<char> outgoing;  // one message
  std::vector<char> incoming;  // one receive
  Pace pace;
  std::atomic<int> error{0};  // errno of the call that ended a loop early
  bool is_server = false;
  bool is_one_way = true;  // the other end only receives, or only sends

  // Ends a loop over the flow: keeps errno, unless the end was asked for.
  void fail(const Meter& meter) noexcept {
    if (!meter.stopped()) error = errno;
  }
};

// What one thread moves: some flows, in one direction.
struct FlowGroup {
  std::vector<Flow*> flows;
  const Options& options;
  std::latch* ready = nullptr;  // of the loops of this direction: counts those not set up yet
  // Found out by the loop, read when it is over.
  std::optional<std::uint64_t> copies;  // of the payload between user space and kernel, at this end
  std::uint64_t zero_copy_sends = 0;    // MSG_ZEROCOPY and its like: done
  std::uint64_t zero_copy_copied = 0;   // of them, those that the kernel copied all the same

  // A loop is set up: waits until all of its direction are, so that none has to wrest the CPU for
  // that from those that move bytes already.
  void await_others() noexcept {
    arrive();
    if (ready != nullptr) ready->wait();
  }
  // Has the others not wait for this one.
  void arrive() noexcept {
    if (ready != nullptr && !std::exchange(arrived, true)) ready->count_down();
  }
  bool arrived = false;
};

// Counts, and returns when the meter has closed or the peers are done. A sender of a flow that has
// a pace waits its turn before every message. May throw std::system_error before its first byte.
using TransferLoop = void (*)(FlowGroup& group, Meter& meter);

// What differs between engines, as a table.
struct TransferOps {
  TransferLoop send;
  TransferLoop receive;
  const TransportOps& transport;
};

std::unique_ptr<Endpoint> listen_transfer(const TransferOps& ops, const EndpointConfig& config);
std::unique_ptr<Endpoint> connect_transfer(const TransferOps& ops, const EndpointConfig& config);

}  // namespace pingperf
