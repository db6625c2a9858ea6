// Transfer: one end of a bulk transfer over any transport. Each flow and direction has its own
// thread with a loop. With `threads`, each thread has a share of the flows of a direction.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <deque>
#include <latch>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sockets/core/page_bytes.h"
#include "sockets/measure/histogram.h"
#include "sockets/measure/meter.h"
#include "sockets/measure/sequence.h"
#include "sockets/throughput/on_off.h"
#include "sockets/transport/transport.h"

namespace pingperf {

// The counts of one direction of one flow. Only its loop writes them; the meter's thread reads
// them. Updates are plain moves on a separate cache line.
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

// The send times of a paced flow. Message k is due k message times after the first. The sender
// updates the schedule once per pacing_timer and sends all messages that are due. Messages are not
// postponed after a late update, so the mean rate is kept. With a mix of sizes, each byte counts as
// a message. With on_off and no rate, one message is due at each update in a phase.
class Pace {
 public:
  // No rate and no pauses: a message is always due.
  Pace() noexcept = default;
  // The rate of the options, divided by the number of flows.
  Pace(const Options& options, std::size_t flows);

  bool paced() const noexcept { return gap_ns_ > 0; }
  // Returns true if the next message was due at the last update.
  bool is_due() const noexcept { return next_ns_ <= updated_ns_; }
  // Returns the time of the next update, if no message is due.
  Nanoseconds next_update() const noexcept {
    const double next = std::ceil(std::max(next_ns_, updated_ns_ + timer_ns_));
    return static_cast<Nanoseconds>(phases_.clock_time_of(next));
  }
  // Updates the schedule to `now`, if no message is due. Returns is_due().
  bool update(Nanoseconds now) noexcept;
  // Advances the schedule by sent messages.
  void advance(std::size_t messages = 1) noexcept {
    next_ns_ += gap_ns_ * static_cast<double>(messages);
  }
  // Sleeps until the next message is due or the window has closed. Then advances the schedule by
  // `messages`.
  void wait(const Meter& meter, std::size_t messages = 1) noexcept {
    if (!is_due()) sleep(meter);
    advance(messages);
  }
  // The times between the starts of successive bursts, which can be single messages.
  const std::optional<Histogram>& gaps() const noexcept { return gaps_; }

 private:
  void sleep(const Meter& meter) noexcept;

  static constexpr double kMaxBehind = 100e6;  // ns; after a later update the schedule is moved
  // Gap with on_off and no rate: a message is due no earlier than at the next update.
  static constexpr double kNoRate = 0.01;

  OnOff phases_;
  bool has_rate_ = false;
  double gap_ns_ = 0;            // between two messages; 0: not paced
  double timer_ns_ = 0;          // pacing_timer
  double next_ns_ = 0;           // when the next message is due, in sending time
  double updated_ns_ = 0;        // time of the last update, in sending time
  Nanoseconds burst_start_ = 0;  // start of the last burst
  std::optional<Histogram> gaps_;
};

// One connection or UDP flow.
struct Flow {
  Fd fd;
  FlowCounter sent;
  FlowCounter received;
  SequenceTracker sequence;              // UDP
  PageBytes outgoing;                    // one message: the largest of a mix
  PageBytes incoming;                    // one receive
  std::span<const std::uint32_t> sizes;  // of successive messages of a mix; empty: all are equal
  Pace pace;
  std::atomic<int> error{0};  // errno of the call that ended a loop early
  bool is_server = false;
  bool is_one_way = true;  // not bidirectional

  // Stores errno as the error of the flow, unless the meter was stopped.
  void fail(const Meter& meter) noexcept {
    if (!meter.stopped()) error = errno;
  }
};

// The frame counts of one end. A sender counts the frames that were due and those that it did not
// send. A receiver counts frames that were late and frames that never arrived completely.
struct FrameCounts {
  std::optional<std::uint64_t> due;
  std::optional<std::uint64_t> late;
  std::uint64_t dropped = 0;
  std::optional<Histogram> times;  // receiver: from the time at which a frame was due until whole
};

// The flows of one thread in one direction.
struct FlowGroup {
  std::vector<Flow*> flows;
  const Options& options;
  std::latch* ready = nullptr;  // counts the loops of this direction that are not set up

  // Results of the loop, which are read after its end.
  std::optional<std::uint64_t> copies;  // copies of the payload between user space and kernel
  std::uint64_t zero_copy_sends = 0;    // completed sends with MSG_ZEROCOPY or IORING_OP_SEND_ZC
  std::uint64_t zero_copy_copied = 0;   // zero-copy sends that the kernel copied
  std::uint64_t mapped_bytes = 0;       // received without a copy (receive: map)
  std::optional<FrameCounts> frames;    // of the window

  // Waits until all loops of this direction are set up. Otherwise the set-up of some loops would
  // compete for the CPU with loops that already transfer data.
  void await_others() noexcept {
    arrive();
    if (ready != nullptr) ready->wait();
  }
  // Makes the others not wait for this loop.
  void arrive() noexcept {
    if (ready != nullptr && !std::exchange(arrived, true)) ready->count_down();
  }
  bool arrived = false;
};

// Transfers and counts. A sender returns when the window has closed or the limit is reached; a
// receiver returns when the senders have finished. A sender of a paced flow waits before every
// message. May throw std::system_error or std::bad_alloc before the first byte.
using TransferLoop = void (*)(FlowGroup& group, Meter& meter);

// The loops and the transport of an engine.
struct TransferOps {
  TransferLoop send;
  TransferLoop receive;
  const TransportOps& transport;
};

// Create an end. Throw as TransportOps::listen and TransportOps::connect.
std::unique_ptr<Endpoint> listen_transfer(const TransferOps& ops, const EndpointConfig& config);
std::unique_ptr<Endpoint> connect_transfer(const TransferOps& ops, const EndpointConfig& config);

}  // namespace pingperf
