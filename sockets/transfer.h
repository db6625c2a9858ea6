// Transfer: an end of a bulk transfer, whatever its transport: flows, one loop a flow and
// direction.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <vector>

#include "sockets/carrier.h"
#include "sockets/meter.h"
#include "sockets/sequence.h"

namespace pingperf {

// Counts of one direction of one flow: written by its loop alone, read by the meter. Plain moves,
// on a cache line of their own.
struct alignas(64) FlowCounter {
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> limit{std::numeric_limits<std::uint64_t>::max()};  // in bytes

  void add(std::uint64_t n) noexcept {
    bytes.store(bytes.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    messages.store(messages.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  std::uint64_t count() const noexcept { return bytes.load(std::memory_order_relaxed); }
  bool full() const noexcept { return count() >= limit.load(std::memory_order_relaxed); }
};

// One connection or UDP flow.
struct Flow {
  Fd fd;
  FlowCounter sent;
  FlowCounter received;
  SequenceTracker sequence;    // UDP
  std::vector<char> outgoing;  // one message
  std::vector<char> incoming;  // one receive
  std::atomic<int> error{0};   // errno of the call that ended a loop early
  bool is_server = false;
  bool is_one_way = true;  // the other end only receives, or only sends
};

// The flow's loops count, and return when the meter has closed or the peer is done. A sender that
// has a `pace` waits its turn before every message.
class Pace;
using FlowLoop = void (*)(Flow& flow, Meter& meter, Pace& pace);

// What differs between transports, as a table.
struct TransferOps {
  FlowLoop send;
  FlowLoop receive;
  const Carrier& carrier;
};

// The send times of a paced flow: message k leaves no earlier than k message times after the first.
class Pace {
 public:
  // `rate_bps` of this flow; 0: as fast as it goes.
  Pace(std::uint64_t rate_bps, std::size_t message_size) noexcept
      : gap_ns_(rate_bps == 0
                    ? 0
                    : 8e9 * static_cast<double>(message_size) / static_cast<double>(rate_bps)) {}

  bool paced() const noexcept { return gap_ns_ > 0; }
  // Sleeps until the next message is due, or the meter has closed. On a fixed schedule: what a late
  // wake-up missed is made up for, so the mean rate holds. Gives up catching up past kMostBehind.
  void wait(const Meter& meter) noexcept;

 private:
  static constexpr double kMostBehind = 100e6;  // ns
  static constexpr double kNap = 50e6;          // ns: how long a closed meter can go unnoticed

  double gap_ns_;
  double next_ns_ = 0;
};

// A rate at which not one message is due in the time of the trial, as Engine::objection.
std::optional<std::string> pace_objection(const Options& options);

std::unique_ptr<Endpoint> listen_transfer(const TransferOps& ops, const Session& session);
std::unique_ptr<Endpoint> connect_transfer(const TransferOps& ops, const Session& session);

}  // namespace pingperf
