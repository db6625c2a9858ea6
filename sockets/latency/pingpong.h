// PingPong: an end of a latency or connect workload. A client's loop pings and records each round
// trip; a server's loop answers. The loop is the engine's; the window, the figures and the ending
// are the same for all.
#pragma once

#include <atomic>
#include <bitset>
#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "sockets/measure/histogram.h"
#include "sockets/measure/meter.h"
#include "sockets/transport/transport.h"

namespace pingperf {

inline constexpr std::size_t kPingNumber = sizeof(std::uint64_t);  // in front of a stream's ping

// One flow, and the ping that is under way on it.
struct PingFlow {
  Fd fd;
  std::uint64_t number = 0;          // of the ping
  Nanoseconds sent = 0;              // when it left
  std::size_t received = 0;          // bytes of a stream's pong, or of a ping, so far
  std::uint64_t exchanges = 0;       // answered, in the window
  std::uint64_t answered_up_to = 0;  // one past the highest number whose pong came
  bool waiting = false;              // for a pong; a server's: until its client is done
};

// What the loop of one thread works with and writes to. Only `exchanges` is read meanwhile.
struct PingThread {
  std::vector<PingFlow> flows;  // or the listener of a connect server
  std::vector<char> outgoing;   // one message
  std::vector<char> incoming;   // one receive
  Framing framing;              // of datagrams
  std::uint64_t limit = 0;      // pings that may be sent in the window
  bool verify = false;
  std::size_t head = 0;  // bytes of a message that differ from ping to ping

  Histogram rtt;
  std::map<Span, Histogram> spans;  // an engine's loop makes those that it times before it begins
  std::vector<Sample> samples;      // its capacity is what may be kept
  std::uint64_t samples_dropped = 0;
  std::atomic<std::uint64_t> exchanges{0};  // answered, in the window
  std::uint64_t total_exchanges = 0;        // warmup included; of a server, pongs
  std::uint64_t issued = 0;                 // pings sent in the window
  std::uint64_t lost = 0;
  std::uint64_t late = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t rejected_peers = 0;
  std::uint64_t port_waits = 0;
  std::uint64_t unsent = 0;             // open loop: pings that were due and could not be sent
  std::uint64_t next_number = 0;        // of the next ping
  std::uint64_t first_counted = ~0ull;  // the first number in the window
  std::bitset<1 << 16> given_up;        // numbers of lost pings, modulo its size
  Nanoseconds opened = 0;               // when the window did
  Nanoseconds closed = 0;               // when it does at the latest
  Nanoseconds ended = 0;                // when the last ping in it was answered or given up
  int error = 0;                        // errno of the call that ended the loop early
  const char* failed_call = "";

  // The number of the next ping.
  std::uint64_t take_number() noexcept {
    given_up[next_number % given_up.size()] = false;
    return next_number++;
  }

  // Of a verifying end: true when a message is what was sent, but for its head. Sets errno.
  bool is_intact(const char* message) const noexcept {
    if (!verify || std::memcmp(message + head, outgoing.data() + head, outgoing.size() - head) == 0)
      return true;
    errno = EBADMSG;
    return false;
  }
};

// The instants between which a ping counts: sent from `open` on, before `close`.
struct PingWindow {
  Nanoseconds open;
  Nanoseconds close;

  // Claims the right to send another ping at `now`: false when no more are wanted. One in the
  // window is counted as issued.
  bool may_send(PingThread& t, Nanoseconds now) const noexcept {
    if (now < open) return true;
    if (now >= close || t.issued == t.limit) return false;
    if (t.issued++ == 0) t.first_counted = t.next_number;
    return true;
  }

  // The pong of what left at `sent` was here at `now`.
  void record(PingThread& t, PingFlow& flow, Nanoseconds sent, Nanoseconds now) const noexcept {
    ++t.total_exchanges;
    if (sent < open) return;
    t.ended = now;
    t.rtt.record(difference(now, sent));  // an open loop's `sent` is what the pong tells
    ++flow.exchanges;
    t.exchanges.store(t.exchanges.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (t.samples.capacity() > 0) keep(t, {sent - open, difference(now, sent)});
  }

  // No pong came in time; that was found out at `now`.
  void record_lost(PingThread& t, std::uint64_t number, Nanoseconds sent,
                   Nanoseconds now) const noexcept {
    t.given_up[number % t.given_up.size()] = true;
    if (sent < open) return;
    t.ended = now;
    ++t.lost;
    if (t.samples.capacity() > 0) keep(t, {sent - open, -1});
  }

 private:
  static void keep(PingThread& t, Sample sample) noexcept {
    if (t.samples.size() < t.samples.capacity())
      t.samples.push_back(sample);
    else
      ++t.samples_dropped;
  }
};

// Starts the clock: the window of a client whose first ping leaves now.
PingWindow open_window(PingThread& thread, Meter& meter) noexcept;

// Ends a loop: keeps errno and the name of the call, unless the end was asked for.
void fail(PingThread& thread, const Meter& meter, const char* call) noexcept;

// What differs between engines, as a table.
struct PingPongOps {
  using Loop = void (*)(PingThread& thread, Meter& meter, const EndpointConfig& config);
  Loop ping;  // the client's
  Loop pong;  // the server's
  const TransportOps& transport;
};

std::unique_ptr<Endpoint> listen_pingpong(const PingPongOps& ops, const EndpointConfig& config);
std::unique_ptr<Endpoint> connect_pingpong(const PingPongOps& ops, const EndpointConfig& config);

}  // namespace pingperf
