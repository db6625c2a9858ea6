#include "sockets/commands/pong_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <system_error>
#include <thread>

#include "sockets/core/address.h"
#include "sockets/core/io.h"
#include "sockets/transport/accept.h"
#include "sockets/transport/raw.h"

namespace pingperf {
namespace {

constexpr int kMaxClients = 1000;
constexpr std::size_t kBuffer = 64 * 1024;

// Echoes the bytes of one client until the end of its stream. A ping can arrive in pieces; then its
// pong is sent in pieces.
void echo(int connection) noexcept {
  enable_keepalive(connection);
  char buffer[kBuffer];
  for (;;) {
    const ssize_t n = ::recv(connection, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || !send_all(connection, buffer, static_cast<std::size_t>(n))) return;
  }
}

// Serves a client in a new thread. Closes the connection if no thread can be created.
void serve_in_a_thread(Fd connection, const std::shared_ptr<std::atomic<int>>& clients) noexcept {
  ++*clients;
  try {
    std::thread([clients, client = std::move(connection)] {
      echo(client.get());
      --*clients;
    }).detach();
  } catch (const std::system_error&) {
    --*clients;
  }
}

// Returns false for datagrams from another pong server or from a system service (echo, chargen: RFC
// 862, 864). One datagram with a forged sender address could make two such services answer each
// other without end.
bool may_echo(std::uint16_t own_port, std::uint16_t port) noexcept {
  return port >= IPPORT_RESERVED && port != own_port;
}

}  // namespace

void serve_streams(int listener, bool concurrent) noexcept {
  // Shared with threads that may outlive this call.
  const auto clients = std::make_shared<std::atomic<int>>(0);
  while (Fd connection = accept_next(listener)) {
    if (!concurrent) {
      echo(connection.get());
    } else if (*clients < kMaxClients) {
      serve_in_a_thread(std::move(connection), clients);
    }
  }
}

void serve_datagrams(int socket) noexcept {
  const std::uint16_t own_port = Address::local_of(socket).port();
  char buffer[kBuffer];
  for (;;) {
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t n = ::recvfrom(socket, buffer, sizeof buffer, 0, from, &size);
    if (n < 0 && errno != EINTR) return;
    if (n == 0 && size == 0) return;  // no data and no sender: the socket was shut down
    if (n >= 0 && may_echo(own_port, Address::from(from, size).port()))
      ::sendto(socket, buffer, static_cast<std::size_t>(n), MSG_DONTWAIT, from, size);
  }
}

void serve_raw(int socket) noexcept {
  const std::size_t ip_header = ip_header_size(socket);
  char packet[kBuffer];
  for (;;) {
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t n = ::recvfrom(socket, packet, sizeof packet, 0, from, &size);
    if (n < 0 && errno != EINTR) return;
    if (n == 0 && size == 0) return;
    if (n <= 0) continue;
    if (const std::size_t pong = make_reply(packet, static_cast<std::size_t>(n), ip_header))
      ::sendto(socket, packet + ip_header, pong, MSG_DONTWAIT, from, size);
  }
}

}  // namespace pingperf
