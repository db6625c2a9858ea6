// PingPong: an end of a latency or connect workload. A client's loop pings and records each round
// trip; a server's loop answers. The loop is the engine's; the window, the figures and the ending
// are the same for all.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "sockets/engine.h"
#include "sockets/fd.h"
#include "sockets/histogram.h"
#include "sockets/meter.h"

namespace pingperf {

// What a loop works with and writes to. It is one thread's; only `exchanges` and `error` are read
// meanwhile.
struct PingPongState {
  Fd fd;                      // the flow, or the listener of a connect server
  std::vector<char> message;  // sent as ping, received as pong
  Histogram rtt;
  Histogram connect;
  std::uint64_t lost = 0;
  std::uint64_t late = 0;
  std::uint64_t rejected_peers = 0;
  std::atomic<std::uint64_t> exchanges{0};  // answered, in the window
  Nanoseconds opened = 0;                   // when the client's window did
  Nanoseconds closed = 0;                   // when it does at the latest
  int error = 0;                            // errno of the call that ended the loop early
  const char* failed_call = "";
};

// The instants between which a ping counts: sent from `open` on, until `close`, at most `messages`.
struct PingWindow {
  Nanoseconds open;
  Nanoseconds close;
  std::uint64_t messages;

  // Records a round trip that was sent at `sent` and took `rtt`.
  // Returns false when it was the last that is wanted.
  bool record(PingPongState& state, Nanoseconds sent, Nanoseconds rtt) const noexcept {
    if (sent < open) return true;
    state.rtt.record(rtt);
    const std::uint64_t n = state.exchanges.load(std::memory_order_relaxed) + 1;
    state.exchanges.store(n, std::memory_order_relaxed);
    return n < messages && sent + rtt < close;
  }
};

// Starts the clock: the window of a client whose first ping leaves now.
PingWindow begin_pings(PingPongState& state, Meter& meter, const Options& options) noexcept;

// What differs between transports, as a table.
struct PingPongOps {
  void (*ping)(PingPongState& state, Meter& meter, const Session& session);  // the client's loop
  void (*pong)(PingPongState& state, Meter& meter, const Session& session);  // the server's
  Fd (*listen)(const Session&);
  // Waits for the client's flow; `rejected` is added to.
  Fd (*admit)(Fd listener, const Session&, std::uint64_t& rejected);
  Fd (*connect)(const Session&);
};

std::unique_ptr<Endpoint> listen_pingpong(const PingPongOps& ops, const Session& session);
std::unique_ptr<Endpoint> connect_pingpong(const PingPongOps& ops, const Session& session);

// Ends a loop: keeps errno and the name of the call, unless the end was asked for.
void fail(PingPongState& state, const Meter& meter, const char* call) noexcept;

}  // namespace pingperf
