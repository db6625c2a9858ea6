// PingClient: the client of `pingperf ping`, which sends one ping at a time.
//
//   v1:  connect, ping, pong, disconnect          (once)
//   v2:  connect, then ping, pong, ping, pong, …
//
// udp, raw and icmp have no connection. Over icmp the kernel of the other host answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sockets/transport/transport.h"

namespace pingperf {

struct PingClientConfig {
  Transport transport = Transport::tcp;
  std::vector<Address> servers;   // addresses of one host, in the order in which to try them
  std::size_t message_size = 64;  // bytes
  bool once = false;              // v1
  Nanoseconds timeout = kSecond;  // of a connect, and of the wait for a pong
  int interrupt = -1;             // a descriptor that ends each wait once it is readable; -1: none
};

enum class PingOutcome {
  pong,
  lost,
  waiting,  // the first ping of a connection has no answer yet: the server may serve another client
  served,   // the pong of a ping that was waiting has arrived
  interrupted,
};

struct PingResult {
  PingOutcome outcome = PingOutcome::pong;
  Nanoseconds rtt = 0;  // of a pong; with `once` since the start of the connect. served: the wait
  std::string reason;   // why a ping was lost
};

class PingClient {
 public:
  explicit PingClient(const PingClientConfig& config);

  // Sends ping `number` and waits for its pong. Connects before if there is no connection, and
  // tries each address until one answers. After `waiting` it sends nothing and goes on with the
  // wait.
  PingResult ping(std::uint64_t number);

  // Returns the address that the last ping used.
  const Address& server() const noexcept { return config_.servers[current_]; }

 private:
  PingResult ping_current(std::uint64_t number);
  PingResult await_turn();
  PingResult lose(const std::string& reason);
  void open();
  void connect_inet_or_unix();
  void open_framed();
  bool wait(short events, Nanoseconds deadline) const;
  void send(std::uint64_t number, Nanoseconds deadline);
  bool receive_stream(Nanoseconds deadline);
  bool receive_datagram(std::uint64_t number, Nanoseconds deadline);
  bool is_pong(std::size_t size, std::uint64_t number) const;

  const PingClientConfig config_;
  const bool datagrams_;
  std::size_t current_ = 0;  // index of an address
  bool reached_ = false;     // the current address has accepted a connection, or has answered
  Fd fd_;
  bool served_ = false;       // the connection has brought a pong
  bool waits_ = false;        // its first ping has no answer yet
  Nanoseconds dialled_ = 0;   // start of the connect
  Nanoseconds sent_ = 0;      // start of the current ping
  std::size_t received_ = 0;  // bytes of the current pong of a stream
  Framing framing_;           // empty except for raw and icmp
  std::vector<char> message_;
  std::vector<char> pong_;
};

}  // namespace pingperf
