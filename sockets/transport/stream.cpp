#include "sockets/transport/stream.h"

#include <linux/mptcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/pending_connections.h"

namespace pingperf {
namespace {

constexpr char kAdmitted = '+';

std::vector<Fd> admit_streams(Fd listener, const EndpointConfig& config, std::size_t count,
                              std::uint64_t& rejected) {
  std::vector<Fd> connections;
  PendingConnections pending(listener.get(), config.token);
  while (connections.size() < count) {
    Fd connection = pending.admit(config.deadline);
    if (!connection && errno == ETIMEDOUT)
      throw std::runtime_error("the client did not connect: " + std::to_string(connections.size()) +
                               " of " + std::to_string(count) + " connections arrived");
    check(connection.get(), "accept (ulimit -n)");
    if (send_all(connection.get(), &kAdmitted, 1)) connections.push_back(std::move(connection));
  }
  rejected += pending.rejected();
  return connections;
}

bool has_mptcp_info(int fd) {
  mptcp_info info;
  socklen_t size = sizeof info;
  return ::getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &size) == 0;
}

// Throws std::runtime_error if the connection is one of plain TCP, because the peer or a middlebox
// has no MPTCP (RFC 8684 §3.7). Then the kernel no longer has MPTCP_INFO for the socket. Kernels
// before 5.16 have it for no socket.
void require_mptcp(int fd, const EndpointConfig& config) {
  if (has_mptcp_info(fd)) return;
  const Fd fresh(::socket(config.address.family(), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
  if (has_mptcp_info(fresh.get()))
    throw std::runtime_error("the connection to " + config.address.to_string() +
                             " fell back from MPTCP to TCP");
}

// Waits until the server admits the connection. Throws std::runtime_error at the deadline, or if
// the server closes the connection.
void await_admission(int fd, const EndpointConfig& config) {
  char answer = 0;
  if (!wait_readable(fd, config.deadline) || !receive_all(fd, &answer, 1) || answer != kAdmitted)
    throw std::runtime_error(config.address.to_string() + " did not admit this session");
}

// Opens connections before earlier ones are admitted, but never more than the server accepts as
// pending.
std::vector<Fd> connect_streams(const EndpointConfig& config, std::size_t count) {
  std::vector<Fd> connections;
  std::size_t admitted = 0;
  const auto* token = reinterpret_cast<const char*>(config.token.data());
  while (admitted < count) {
    connections.push_back(dial_stream(config));
    if (config.options.transport == Transport::mptcp)
      require_mptcp(connections.back().get(), config);
    if (config.external) {
      ++admitted;
      continue;
    }
    if (!send_all(connections.back().get(), token, config.token.size()))
      check(-1, "send of the token");
    if (connections.size() < count &&
        connections.size() - admitted < PendingConnections::kMaxPending / 2)
      continue;
    for (; admitted < connections.size(); ++admitted)
      await_admission(connections[admitted].get(), config);
  }
  return connections;
}

}  // namespace

const TransportOps kStreams = {listen_stream, admit_streams, connect_streams};

Fd open_stream(const EndpointConfig& config, int flags) {
  const Transport transport = config.options.transport;
  const int protocol = transport == Transport::mptcp ? IPPROTO_MPTCP : 0;
  const int type = transport == Transport::unix_seqpacket ? SOCK_SEQPACKET : SOCK_STREAM;
  Fd fd(check(::socket(config.address.family(), type | SOCK_CLOEXEC | flags, protocol), "socket"));
  apply_options(fd.get(), config.options, config.address.family());
  return fd;
}

Fd listen_stream(const EndpointConfig& config) {
  Fd listener = open_stream(config);
  // SO_REUSEADDR permits the address of connections in TIME_WAIT, but not that of another listener
  // (socket(7)).
  set_option(listener.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  const std::string where = config.address.to_string();
  const auto busy_or = [&](const std::string& call) {
    return errno == EADDRINUSE ? "port busy: " + where : call + " " + where;
  };
  if (::bind(listener.get(), config.address.data(), config.address.size()) != 0)
    check(-1, busy_or("bind"));
  if (::listen(listener.get(), SOMAXCONN) != 0) check(-1, busy_or("listen"));
  return listener;
}

Fd dial_stream(const EndpointConfig& config) {
  const Address& address = config.address;
  Fd fd = open_stream(config);
  if (::connect(fd.get(), address.data(), address.size()) != 0)
    check(-1, "connect to " + address.to_string());  // builds the text only after an error
  return fd;
}

}  // namespace pingperf
