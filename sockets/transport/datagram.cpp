#include "sockets/transport/datagram.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/limits.h"
#include "sockets/core/size_mix.h"
#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

// Returns a socket that is bound to `address`. `shared`: other sockets of this process may have the
// same address.
Fd bind_flow(const EndpointConfig& config, const Address& address, bool shared) {
  Fd fd(check(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  if (shared) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  apply_options(fd.get(), config.options, address.family());
  if (::bind(fd.get(), address.data(), address.size()) != 0)
    check(-1, (errno == EADDRINUSE ? "port busy: " : "bind ") + address.to_string());
  return fd;
}

// Returns how far set-up came, for an error: ": 12 of 512 flows were admitted".
std::string progress(std::size_t done, std::size_t count, const char* what) {
  if (count == 1) return "";
  return ": " + std::to_string(done) + " of " + std::to_string(count) + " flows " + what;
}

// Waits for a peer with the correct token and connects the socket to it. Throws std::runtime_error
// at the deadline.
void admit_one(int fd, const EndpointConfig& config, const std::string& progress,
               std::uint64_t& rejected) {
  for (;;) {
    if (!wait_readable(fd, config.deadline))
      throw std::runtime_error("the client did not open its UDP flow" + progress);
    char datagram[64];
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t n =
        ::recvfrom(fd, datagram, sizeof datagram, MSG_DONTWAIT | MSG_TRUNC, from, &size);
    if (n < 0) continue;
    if (!is_hello(datagram, static_cast<std::size_t>(n), config.token)) {
      ++rejected;
      continue;
    }
    check(::connect(fd, from, size), "connect of a UDP flow");
    // The queue contains only datagrams of unauthenticated peers and repeated hellos, since the
    // client sends no data before the answer.
    char queued[sizeof datagram];
    for (ssize_t more; (more = ::recv(fd, queued, sizeof queued, MSG_DONTWAIT | MSG_TRUNC)) >= 0;)
      if (!is_hello(queued, static_cast<std::size_t>(more), config.token)) ++rejected;
    ::send(fd, datagram, sizeof(Hello), 0);  // if it is lost, the client repeats its hello
    return;
  }
}

std::vector<Fd> admit_flows(Fd first, const EndpointConfig& config, std::size_t count,
                            std::uint64_t& rejected) {
  std::vector<Fd> flows;
  const Address address = Address::local_of(first.get());
  Fd pending = std::move(first);
  for (;;) {
    // Allows the next socket to share the port. Until here bind() of another program has failed.
    const bool last = flows.size() + 1 == count;
    if (!last) set_option(pending.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    admit_one(pending.get(), config, progress(flows.size(), count, "arrived"), rejected);
    flows.push_back(std::move(pending));
    if (last) return flows;
    pending = set_up_one("flow", flows.size() + 1, count,
                         [&] { return bind_flow(config, address, true); });
  }
}

// Repeats the hello until the server answers. An external server answers with the same bytes, or
// with a welcome. Accepts refusals for five seconds, because the
// server's port is closed for a moment between two flows, and longer on a busy host. Throws
// std::system_error or std::runtime_error.
void be_admitted(int fd, const EndpointConfig& config, const std::string& progress) {
  constexpr int kMaxRefusals = 100;
  constexpr auto kFirstPause = std::chrono::microseconds(100);
  const std::string where = config.address.to_string();
  const Hello hello{kHello, config.token};
  char answer[64];
  for (int refusals = 0;;) {
    if (now_ns() > config.deadline)
      throw std::runtime_error(where + " did not admit this session" + progress);
    ::send(fd, &hello, sizeof hello, MSG_NOSIGNAL);
    const Nanoseconds retry = std::min(config.deadline, now_ns() + kHelloRetry);
    if (!wait_readable(fd, retry)) continue;
    const ssize_t n = ::recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    if (n >= 0 && is_answer(answer, static_cast<std::size_t>(n), config.token)) return;
    if (n >= 0 && config.external) throw std::runtime_error(where + " " + kOtherBytes);
    if (n >= 0 || errno != ECONNREFUSED) continue;
    if (++refusals == kMaxRefusals) check(-1, "connect to " + where);
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(
        std::chrono::nanoseconds(kHelloRetry), kFirstPause * (1 << std::min(refusals, 9))));
  }
}

Fd open_flow(const EndpointConfig& config) {
  Fd fd(check(::socket(config.address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  apply_options(fd.get(), config.options, config.address.family());
  // The server can answer a unix socket only if the socket has a name. This bind() lets the kernel
  // choose one (unix(7), autobind).
  const sa_family_t unnamed = AF_UNIX;
  if (config.address.family() == AF_UNIX)
    check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&unnamed), sizeof unnamed), "bind");
  if (::connect(fd.get(), config.address.data(), config.address.size()) != 0) {
    if (errno == EAGAIN) errno = EADDRNOTAVAIL;  // no local port is free; TCP calls it so
    check(-1, "connect to " + config.address.to_string());
  }
  return fd;
}

std::vector<Fd> connect_flows(const EndpointConfig& config, std::size_t count) {
  std::vector<Fd> flows;
  for (std::size_t i = 0; i < count; ++i) {
    Fd fd = set_up_one("flow", i + 1, count, [&] { return open_flow(config); });
    be_admitted(fd.get(), config, progress(i, count, "were admitted"));
    flows.push_back(std::move(fd));
  }
  return flows;
}

bool has_token(const char* datagram, std::size_t size, const Token& token) {
  Hello hello;
  if (size != sizeof hello) return false;
  std::memcpy(&hello, datagram, sizeof hello);
  return same_token(hello.token, token);
}

Framing no_framing(int, const EndpointConfig&, bool) {
  return {};
}

}  // namespace

const TransportOps kDatagrams = {bind_datagram, admit_flows, connect_flows, no_framing};

bool is_hello(const char* datagram, std::size_t size, const Token& token) {
  return has_token(datagram, size, token) && header_of(datagram).number == kHello;
}

bool is_answer(const char* datagram, std::size_t size, const Token& token) {
  return has_token(datagram, size, token) &&
         (header_of(datagram).number == kHello || header_of(datagram).number == kWelcome);
}

Fd bind_datagram(const EndpointConfig& config) {
  return bind_flow(config, config.address, false);
}

void send_end(int fd, std::uint64_t count) noexcept {
  char datagram[kMinDatagram];
  set_header(datagram, {kEnd, static_cast<std::int64_t>(count)});
  for (int i = 0; i < 3; ++i) ::send(fd, datagram, sizeof datagram, MSG_NOSIGNAL);
}

std::optional<std::string> validate_datagram(const Options& options) {
  const auto fits = [](std::uint64_t size) { return size >= kMinDatagram && size <= 65507; };
  if (options.size_mix && !(fits(min_message(options)) && fits(max_message(options))))
    return "size_mix: a datagram has 16 (sequence number and time stamp) to 65507 bytes";
  if (!fits(options.message_size.value_or(kMinDatagram)))
    return "message_size of a UDP datagram must be from 16 (sequence number and time stamp) to "
           "65507 bytes";
  if (!fits(options.response_size.value_or(kMinDatagram)))
    return "response_size: a UDP datagram must be from 16 (sequence number and time stamp) to "
           "65507 bytes";
  return std::nullopt;
}

}  // namespace pingperf
