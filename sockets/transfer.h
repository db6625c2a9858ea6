// Transfer: an end of a bulk transfer, whatever its transport: flows, and loops that move them. A
// loop has a thread of its own for each flow and direction, or, with `threads`, for a share of the
// flows.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <vector>

#include "sockets/carrier.h"
#include "sockets/histogram.h"
#include "sockets/meter.h"
#include "sockets/sequence.h"

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

// The send times of a paced flow: message k leaves no earlier than k message times after the first.
class Pace {
 public:
  // `rate_bps` of this flow; 0: as fast as it goes.
  explicit Pace(std::uint64_t rate_bps = 0, std::size_t message_size = 0) noexcept
      : gap_ns_(rate_bps == 0
                    ? 0
                    : 8e9 * static_cast<double>(message_size) / static_cast<double>(rate_bps)) {
    if (paced()) gaps_.emplace();
  }

  bool paced() const noexcept { return gap_ns_ > 0; }
  // Sleeps until the next `messages` are due, or the meter has closed. On a fixed schedule: what a
  // late wake-up missed is made up for, so the mean rate holds. Gives up catching up past
  // kMostBehind.
  void wait(const Meter& meter, std::size_t messages = 1) noexcept;
  // How long after the one before each wait ended: how evenly messages, or bursts of them, left.
  const std::optional<Histogram>& gaps() const noexcept { return gaps_; }

 private:
  static constexpr double kMostBehind = 100e6;  // ns
  static constexpr double kNap = 50e6;          // ns: how long a closed meter can go unnoticed

  double gap_ns_;
  double next_ns_ = 0;
  double last_ns_ = 0;  // when the last wait ended
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
  // Found out by the loop, read when it is over.
  std::optional<std::uint64_t> copies;  // of the payload between user space and kernel, at this end
  std::uint64_t zero_copy_sends = 0;    // MSG_ZEROCOPY and its like: done
  std::uint64_t zero_copy_copied = 0;   // of them, those that the kernel copied all the same
};

// Counts, and returns when the meter has closed or the peers are done. A sender of a flow that has
// a pace waits its turn before every message. May throw std::system_error before its first byte.
using TransferLoop = void (*)(FlowGroup& group, Meter& meter);

// What differs between engines, as a table.
struct TransferOps {
  TransferLoop send;
  TransferLoop receive;
  const Carrier& carrier;
};

// A rate at which not one message is due in the time of the trial, as Engine::objection.
std::optional<std::string> pace_objection(const Options& options);

// More threads than streams, likewise.
std::optional<std::string> threads_objection(const Options& options);

std::unique_ptr<Endpoint> listen_transfer(const TransferOps& ops, const Session& session);
std::unique_ptr<Endpoint> connect_transfer(const TransferOps& ops, const Session& session);

}  // namespace pingperf
