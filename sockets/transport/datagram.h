// Datagram flows (UDP, unix) that begin with the token of the trial.
//
//   client                          server
//     |--- hello + token ------------>| compares; connects its socket to this peer
//     |<-- the same datagram ---------|   (never longer than the hello; a sink sends a welcome)
//     |        … payload …            |
//     |--- end + count (3 times) ---->|
//
// The client opens its flows together, and repeats each hello until the server answers. The server
// answers repeated hellos until the client has started.
#pragma once

#include <poll.h>

#include <thread>
#include <vector>

#include "sockets/transport/transport.h"

namespace pingperf {

// The socket of each flow is connected to its peer, so the kernel drops datagrams of others.
extern const TransportOps kDatagrams;

// The datagram that opens a flow. The answer has the same form.
struct Hello {
  std::uint64_t mark = kHello;
  Token token;
};
// Return true if a datagram is a hello, or an answer to a hello, with the token.
bool is_hello(const char* datagram, std::size_t size, const Token& token);
bool is_answer(const char* datagram, std::size_t size, const Token& token);

// The interval at which a client repeats its hello.
inline constexpr Nanoseconds kHelloRetry = 50 * kMillisecond;

// Answers the hellos that the client repeats because an answer was lost, from the admission until
// the loops of a server do so: a client without the answer would never start. Does nothing unless
// the transport is UDP: other transports lose no answers.
class HelloAnswers {
 public:
  // Answers on admitted flows, in a thread of its own until the destructor.
  HelloAnswers(const std::vector<int>& flows, const EndpointConfig& config);
  ~HelloAnswers();
  HelloAnswers(const HelloAnswers&) = delete;
  HelloAnswers& operator=(const HelloAnswers&) = delete;

 private:
  void run() noexcept;
  bool answer(const pollfd& flow) const noexcept;

  Fd stop_;
  const Token token_;
  std::vector<pollfd> set_;  // stop_, then the flows
  std::thread thread_;
};

// Returns a socket that is bound to config.address; as TransportOps::listen.
Fd bind_datagram(const EndpointConfig& config);

// Connects a datagram socket. Throws std::system_error: EADDRNOTAVAIL if no local port is free, as
// for TCP.
void connect_datagram(int fd, const Address& address);

// Sends the peer the number of datagrams that were sent. Sends it three times, because each can be
// lost.
void send_end(int fd, std::uint64_t count) noexcept;

// Returns an error if message_size or response_size is too small for the header or too large for a
// datagram, as Engine::validate.
std::optional<std::string> validate_datagram(const Options& options);

}  // namespace pingperf
