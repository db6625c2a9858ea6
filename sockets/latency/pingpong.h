// PingPong: one end of a latency or connect workload. The client's loop sends pings and records
// each round trip; the server's loop answers. Each engine has its own loops. The window, the
// figures and the end of a trial are common.
#pragma once

#include <atomic>
#include <bitset>
#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sockets/core/size_mix.h"
#include "sockets/measure/histogram.h"
#include "sockets/measure/meter.h"
#include "sockets/transport/transport.h"

namespace pingperf {

// The size of the number at the start of a stream's ping.
inline constexpr std::size_t kPingNumber = sizeof(std::uint64_t);

// Returns the number of threads of an end. Without `threads` it has one per flow.
inline std::uint64_t thread_count(const Options& o) {
  return o.threads.value_or(o.streams.value_or(1));
}

class ConnectListener;  // connect_listener.h

// One flow with its current ping.
struct PingFlow {
  Fd fd;
  std::uint64_t number = 0;          // of the current ping
  Nanoseconds sent = 0;              // send time of the current ping
  std::size_t received = 0;          // stream: received bytes of the current message
  std::uint64_t exchanges = 0;       // answered pings in the window
  std::uint64_t answered_up_to = 0;  // one more than the highest answered number; of a stream with
                                     // a mix of sizes: the answered pings of the flow
  bool waiting = false;              // client: for a pong; server: for the end of the client
  std::size_t index = 0;             // among the flows of this end
};

// Returns the size of a pong. Without `response_size` it is the size of the ping, of a mix that of
// the largest.
inline std::uint64_t response_size(const Options& o) {
  return o.response_size ? *o.response_size : max_message(o);
}

// The pings of one size of a mix.
struct PingShare {
  std::uint64_t size = 0;      // of a ping
  std::vector<char> outgoing;  // messages of PingThread, stored here while another size is current
  std::vector<char> expected;
  std::uint64_t issued = 0;  // pings in the window
  Histogram rtt;
};

// Input and results of the loop of one thread. Other threads read only `exchanges` during the loop.
struct PingThread {
  std::vector<PingFlow> flows;  // or the listener of a connect server
  std::vector<char> outgoing;   // one message to send: the client's ping, the server's pong
  std::vector<char> expected;   // one message that the other end sends, as `verify` compares it
  std::vector<char> incoming;   // one receive; a server turns the ping in it into the pong
  std::vector<PingShare> mix;   // the sizes of pings; empty: all are equal
  std::vector<std::uint8_t> size_sequence;  // indexes in `mix`, of successive pings
  std::size_t current_size = 0;             // index in `mix` of the size of outgoing and expected
  ConnectListener* listener = nullptr;      // of a connect server
  Framing framing;                          // of datagrams
  std::uint64_t limit = 0;                  // maximum number of pings in the window
  bool verify = false;
  std::size_t head = 0;  // bytes of a message that differ from ping to ping

  Histogram rtt;
  std::map<Span, Histogram> spans;  // a loop inserts its spans before the first ping
  std::vector<Sample> samples;      // never more than its capacity
  std::uint64_t samples_dropped = 0;
  std::vector<ReceiverFigures> receivers;   // of a multicast group
  std::atomic<std::uint64_t> exchanges{0};  // answered pings in the window
  std::uint64_t total_exchanges = 0;        // with warmup; server: sent pongs
  std::uint64_t issued = 0;                 // pings sent in the window
  std::uint64_t lost = 0;
  std::uint64_t late = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t rejected_peers = 0;
  std::uint64_t port_waits = 0;
  std::uint64_t resumed_handshakes = 0;  // of TLS, in the window
  std::uint64_t unsent = 0;              // open loop: pings that were due and could not be sent
  std::uint64_t next_number = 0;         // of the next ping
  std::uint64_t first_counted = ~0ull;   // the first number in the window
  std::bitset<1 << 16> given_up;         // numbers of timed-out pings, modulo the size
  Nanoseconds opened = 0;                // start of the window
  Nanoseconds closed = 0;                // latest end of the window
  Nanoseconds ended = 0;                 // answer or timeout of the last ping in the window
  int error = 0;                         // errno of the call that ended the loop early
  const char* failed_call = "";
  std::string set_up_error;  // what the loop threw

  // Returns the number for the next ping.
  std::uint64_t take_number() noexcept {
    given_up[next_number % given_up.size()] = false;
    return next_number++;
  }

  std::size_t index_of(const PingFlow& flow) const noexcept {
    return static_cast<std::size_t>(&flow - flows.data());
  }

  // With a mix: makes `outgoing` and `expected` the messages of ping `number`, without a copy.
  void select_size(std::uint64_t number) noexcept {
    const std::size_t next = size_sequence[number % size_sequence.size()];
    if (next == current_size) return;
    swap_messages();
    current_size = next;
    swap_messages();
  }
  void swap_messages() noexcept {
    outgoing.swap(mix[current_size].outgoing);
    expected.swap(mix[current_size].expected);
  }

  // Returns true if a received `message` equals the expected one from byte `head` on, or if
  // `verify` is off. Otherwise sets errno to EBADMSG.
  bool is_intact(const char* message) const noexcept {
    if (!verify || std::memcmp(message + head, expected.data() + head, expected.size() - head) == 0)
      return true;
    errno = EBADMSG;
    return false;
  }
};

// The window of a loop. A ping counts if it is sent from `open` on and before `close`.
struct PingWindow {
  Nanoseconds open;
  Nanoseconds close;

  // Returns true if another ping may be sent at `now`. Counts it as issued if it is in the window.
  bool may_send(PingThread& t, Nanoseconds now) const noexcept {
    if (now < open) return true;
    if (now >= close || t.issued == t.limit) return false;
    if (t.issued++ == 0) t.first_counted = t.next_number;
    return true;
  }

  // Records a pong that arrived at `now`. Its ping was sent at `sent`.
  void record(PingThread& t, PingFlow& flow, Nanoseconds sent, Nanoseconds now) const noexcept {
    ++t.total_exchanges;
    if (sent < open) return;
    t.ended = now;
    t.rtt.record(difference(now, sent));  // wraps: in an open loop `sent` is from the pong
    ++flow.exchanges;
    t.exchanges.store(t.exchanges.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (t.samples.capacity() > 0) keep(t, {sent - open, difference(now, sent)});
  }

  // With a mix, count a ping and its pong for the current size.
  void issue_share(PingThread& t, Nanoseconds now) const noexcept {
    if (now >= open) ++t.mix[t.current_size].issued;
  }
  void record_share(PingThread& t, Nanoseconds sent, Nanoseconds now) const noexcept {
    if (sent >= open) t.mix[t.current_size].rtt.record(difference(now, sent));
  }

  // Records at `now` that no pong arrived within the timeout.
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

// Starts the warmup. Returns the window of a client that sends its first ping now.
PingWindow open_window(PingThread& thread, Meter& meter) noexcept;

// Stores errno and the name of the call as the error of the loop, unless the meter was stopped.
void fail(PingThread& thread, const Meter& meter, const char* call) noexcept;

// The error of a trial without an answered ping.
inline constexpr std::string_view kNoPingAnswered = "no ping was answered in the window";

// The loops and the transport of an engine.
struct PingPongOps {
  // May throw std::system_error or std::bad_alloc before the first ping.
  using Loop = void (*)(PingThread& thread, Meter& meter, const EndpointConfig& config);
  Loop ping;  // the client's
  Loop pong;  // the server's
  const TransportOps& transport;
};

// Create an end. Throw as TransportOps::listen and TransportOps::connect.
std::unique_ptr<Endpoint> listen_pingpong(const PingPongOps& ops, const EndpointConfig& config);
std::unique_ptr<Endpoint> connect_pingpong(const PingPongOps& ops, const EndpointConfig& config);

}  // namespace pingperf
