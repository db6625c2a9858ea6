#include "sockets/commands/ping_client.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/limits.h"
#include "sockets/transport/datagram.h"
#include "sockets/transport/raw.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxPacket = 64 * 1024;
constexpr std::size_t kNumber = sizeof(std::uint64_t);  // at the start of a ping

struct Interrupted {};

// A server that reads lines, as one of HTTP does, answers a message that ends with an empty line.
std::vector<char> ping_message(std::size_t size) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  std::vector<char> message(size, 'p');
  if (size >= kNumber + kEnd.size()) std::copy(kEnd.begin(), kEnd.end(), message.end() - 4);
  return message;
}

std::string within(Nanoseconds time) {
  return " within " + std::to_string(time / kMillisecond) + " ms";
}

}  // namespace

PingClient::PingClient(const PingClientConfig& config)
    : config_(config),
      datagrams_(!is_stream(config.transport)),
      message_(ping_message(config.message_size)),
      pong_(kMaxPacket) {}

PingResult PingClient::ping(std::uint64_t number) {
  std::string reasons;
  for (std::size_t tried = 0; tried < config_.servers.size(); ++tried) {
    PingResult result = ping_current(number);
    if (config_.once && result.outcome != PingOutcome::waiting) fd_ = Fd();
    if (result.outcome != PingOutcome::lost || reached_) return result;
    reasons += (reasons.empty() ? "" : "; ") + result.reason;
    fd_ = Fd();
    current_ = (current_ + 1) % config_.servers.size();
  }
  return {.outcome = PingOutcome::lost, .reason = reasons};
}

// Sends the ping to the current address.
PingResult PingClient::ping_current(std::uint64_t number) {
  try {
    if (!fd_) open();
    if (waits_) return await_turn();
    sent_ = config_.once ? dialled_ : now_ns();
    const Nanoseconds deadline = now_ns() + config_.timeout;
    received_ = 0;
    send(number, deadline);
    const bool answered =
        datagrams_ ? receive_datagram(number, deadline) : receive_stream(deadline);
    const Nanoseconds rtt = now_ns() - sent_;
    if (answered) {
      served_ = reached_ = true;
      return {.outcome = PingOutcome::pong, .rtt = rtt};
    }
    if (datagrams_ || served_ || received_ > 0) return lose("no pong" + within(config_.timeout));
    waits_ = true;
    return {.outcome = PingOutcome::waiting};
  } catch (const Interrupted&) {
    return {.outcome = PingOutcome::interrupted};
  } catch (const std::runtime_error& e) {
    return lose(explained(e));
  }
}

// Goes on with the wait for the first pong of a connection.
PingResult PingClient::await_turn() {
  if (!receive_stream(now_ns() + config_.timeout)) return {.outcome = PingOutcome::waiting};
  waits_ = false;
  served_ = true;
  return {.outcome = PingOutcome::served, .rtt = now_ns() - sent_};
}

// Closes a connection whose next bytes would belong to the lost ping.
PingResult PingClient::lose(const std::string& reason) {
  if (!datagrams_) fd_ = Fd();
  const bool name = datagrams_ && config_.servers.size() > 1 && !reached_;
  return {.outcome = PingOutcome::lost,
          .reason = name ? server().to_string() + ": " + reason : reason};
}

void PingClient::open() {
  waits_ = served_ = false;
  if (!datagrams_) reached_ = false;
  dialled_ = now_ns();
  const Transport transport = config_.transport;
  transport == Transport::raw || transport == Transport::icmp ? open_framed()
                                                              : connect_inet_or_unix();
}

void PingClient::open_framed() {
  EndpointConfig config;
  config.token = mint_token();  // distinguishes the packets from those of other clients
  config.address = server();
  config.external = true;
  const TransportOps& ops = config_.transport == Transport::raw ? kRaw : kIcmp;
  fd_ = std::move(ops.connect(config, 1).front());
  framing_ = ops.framing(fd_.get(), config, false);
  std::copy_n(framing_.mark.begin(), framing_.mark_size, message_.begin());
}

void PingClient::connect_inet_or_unix() {
  EndpointConfig config;
  config.address = server();
  config.options.transport = config_.transport;
  config.options.nodelay = true;
  if (datagrams_) {
    fd_ = Fd(check(::socket(server().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    connect_datagram(fd_.get(), server());
    return;
  }
  fd_ = start_dial(config);
  if (!wait(POLLOUT, now_ns() + config_.timeout)) {
    errno = ETIMEDOUT;
    check(-1, "connect to " + server().to_string());
  }
  finish_dial(fd_.get(), config);
  reached_ = true;
}

// Waits for `events` of the socket. Returns false at the deadline.
bool PingClient::wait(short events, Nanoseconds deadline) const {
  for (;;) {
    const int timeout = poll_ms(deadline);
    pollfd set[] = {{fd_.get(), events, 0}, {config_.interrupt, POLLIN, 0}};
    ::poll(set, 2, timeout);
    if (set[1].revents != 0) throw Interrupted{};
    if (set[0].revents != 0) return true;
    if (timeout == 0) return false;
  }
}

void PingClient::send(std::uint64_t number, Nanoseconds deadline) {
  if (message_.size() >= framing_.sent_offset() + kNumber)
    std::memcpy(message_.data() + framing_.sent_offset(), &number, kNumber);
  if (framing_.seal) framing_.seal(message_.data(), message_.size());
  for (std::size_t sent = 0; sent < message_.size();) {
    const ssize_t n = ::send(fd_.get(), message_.data() + sent, message_.size() - sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
      sent += static_cast<std::size_t>(n);
    else if (errno == EAGAIN && !wait(POLLOUT, deadline))
      throw std::runtime_error("the ping could not be sent" + within(config_.timeout));
    else if (errno != EAGAIN && errno != EINTR)
      check(-1, "send of a ping");
  }
}

// Receives the rest of the pong, which can arrive in pieces. Returns false at the deadline.
bool PingClient::receive_stream(Nanoseconds deadline) {
  while (received_ < message_.size()) {
    if (!wait(POLLIN, deadline)) return false;
    const ssize_t n =
        ::recv(fd_.get(), pong_.data() + received_, message_.size() - received_, MSG_DONTWAIT);
    if (n == 0) throw std::runtime_error("the server closed the connection");
    if (n < 0 && errno != EINTR && errno != EAGAIN) check(-1, "receive of a pong");
    if (n < 0) continue;
    const auto more = static_cast<std::size_t>(n);
    if (std::memcmp(pong_.data() + received_, message_.data() + received_, more) != 0)
      throw std::runtime_error(kOtherBytes);
    received_ += more;
  }
  return true;
}

// Receives the pong of ping `number` and ignores those of earlier pings. Returns false at the
// deadline.
bool PingClient::receive_datagram(std::uint64_t number, Nanoseconds deadline) {
  while (wait(POLLIN, deadline)) {
    const ssize_t n = ::recv(fd_.get(), pong_.data(), pong_.size(), MSG_DONTWAIT);
    if (n < 0 && errno != EINTR && errno != EAGAIN) check(-1, "receive of a pong");
    if (n >= 0 && is_pong(static_cast<std::size_t>(n), number)) return true;
  }
  return false;
}

// Returns false for the pong of an earlier ping. Throws std::runtime_error if a UDP datagram of
// `size` bytes is no pong at all. The filters of raw and ICMP sockets pass only pongs.
bool PingClient::is_pong(std::size_t size, std::uint64_t number) const {
  const std::size_t offset = framing_.received_offset();
  const std::size_t head = std::min(message_.size(), kNumber);
  if (config_.transport == Transport::udp &&
      (size != message_.size() ||
       std::memcmp(pong_.data() + head, message_.data() + head, size - head) != 0))
    throw std::runtime_error(kOtherBytes);
  if (size < offset + kNumber) return true;
  std::uint64_t answered = 0;
  std::memcpy(&answered, pong_.data() + offset, kNumber);
  return answered == number;
}

}  // namespace pingperf
