#include "sockets/commands/ping_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/raw.h"

namespace pingperf {

constexpr std::size_t kMaxPacket = 64 * 1024;

PingClient::PingClient(Transport transport, const Address& server, std::size_t message_size)
    : datagrams_(!is_stream(transport)), message_(message_size, 'p'), pong_(kMaxPacket) {
  if (transport == Transport::raw || transport == Transport::icmp) {
    EndpointConfig config;
    config.token = mint_token();  // distinguishes the packets from those of other clients
    config.address = server;
    config.external = true;
    const TransportOps& ops = transport == Transport::raw ? kRaw : kIcmp;
    fd_ = std::move(ops.connect(config, 1).front());
    framing_ = ops.framing(fd_.get(), config, false);
    std::copy_n(framing_.mark.begin(), framing_.mark_size, message_.begin());
    return;
  }
  const int type = datagrams_ ? SOCK_DGRAM : SOCK_STREAM;
  fd_ = Fd(check(::socket(server.family(), type | SOCK_CLOEXEC, 0), "socket"));
  if (transport == Transport::tcp) set_option(fd_.get(), IPPROTO_TCP, TCP_NODELAY, 1, "nodelay");
  check(::connect(fd_.get(), server.data(), server.size()), "connect to " + server.to_string());
}

std::optional<Nanoseconds> PingClient::ping(std::uint64_t number, Nanoseconds timeout) {
  if (message_.size() >= framing_.sent_offset() + sizeof number)
    std::memcpy(message_.data() + framing_.sent_offset(), &number, sizeof number);
  if (framing_.seal) framing_.seal(message_.data(), message_.size());
  const Nanoseconds sent = now_ns(), deadline = sent + timeout;
  if (!send_all(fd_.get(), message_.data(), message_.size())) check(-1, "send of a ping");
  const bool answered = datagrams_ ? receive_datagram(number, deadline) : receive_stream(deadline);
  const Nanoseconds rtt = now_ns() - sent;
  return answered ? std::optional(rtt) : std::nullopt;
}

// Receives the pong, which can arrive in pieces. Returns false at the deadline. Then the stream
// cannot be used any more, because the next bytes belong to the old pong.
bool PingClient::receive_stream(Nanoseconds deadline) {
  std::size_t received = 0;
  while (received < message_.size()) {
    if (!wait_readable(fd_.get(), deadline)) return false;
    const ssize_t n = ::recv(fd_.get(), pong_.data(), message_.size() - received, 0);
    if (n == 0) errno = ECONNRESET;
    if (n <= 0 && errno != EINTR) check(-1, "receive of a pong");
    if (n > 0) received += static_cast<std::size_t>(n);
  }
  return true;
}

// Receives the pong of ping `number` and ignores others. Returns false at the deadline.
bool PingClient::receive_datagram(std::uint64_t number, Nanoseconds deadline) {
  while (wait_readable(fd_.get(), deadline)) {
    const ssize_t n = ::recv(fd_.get(), pong_.data(), pong_.size(), 0);
    if (n < 0 && errno != EINTR) check(-1, "receive of a pong");
    std::uint64_t answered = number;
    const std::size_t offset = framing_.received_offset();
    if (n >= static_cast<ssize_t>(offset + sizeof answered))
      std::memcpy(&answered, pong_.data() + offset, sizeof answered);
    if (n >= 0 && answered == number) return true;
  }
  return false;
}

}  // namespace pingperf
