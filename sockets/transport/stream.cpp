#include "sockets/transport/stream.h"

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
Fd open_stream(const Session& session) {
  const int protocol = session.options.transport == Transport::mptcp ? IPPROTO_MPTCP : 0;
  Fd fd(check(::socket(session.address.family(), SOCK_STREAM | SOCK_CLOEXEC, protocol), "socket"));
  apply_options(fd.get(), session.options, session.address.family());
  return fd;
}

std::vector<Fd> admit_streams(Fd listener, const Session& session, std::size_t count,
                              std::uint64_t& rejected) {
  std::vector<Fd> connections;
  PendingConnections pending(listener.get(), session.token);
  while (connections.size() < count) {
    Fd connection = pending.admit(session.deadline);
    if (!connection && errno == ETIMEDOUT)
      throw std::runtime_error("the client did not connect: " + std::to_string(connections.size()) +
                               " of " + std::to_string(count) + " connections came");
    check(connection.get(), "accept (ulimit -n)");
    if (send_all(connection.get(), &kAdmitted, 1)) connections.push_back(std::move(connection));
  }
  rejected += pending.rejected();
  return connections;
}

// The server's word that the connection is one of its session's.
void await_admission(int fd, const Session& session) {
  char answer = 0;
  if (!wait_readable(fd, session.deadline) || !receive_all(fd, &answer, 1) || answer != kAdmitted)
    throw std::runtime_error(session.address.to_string() + " did not admit this session");
}

// Many connections are pending at once, but fewer than the
// server accepts as pending.
std::vector<Fd> connect_streams(const Session& session, std::size_t count) {
  std::vector<Fd> connections;
  std::size_t admitted = 0;
  const auto* token = reinterpret_cast<const char*>(session.token.data());
  while (admitted < count) {
    connections.push_back(dial_stream(session));
    if (session.external) {
      ++admitted;
      continue;
    }
    if (!send_all(connections.back().get(), token, session.token.size()))
      check(-1, "send of the token");
    if (connections.size() < count &&
        connections.size() - admitted < PendingConnections::kMaxPending / 2)
      continue;
    for (; admitted < connections.size(); ++admitted)
      await_admission(connections[admitted].get(), session);
  }
  return connections;
}

}  // namespace

const TransportOps kStreams = {listen_stream, admit_streams, connect_streams};

Fd listen_stream(const Session& session) {
  Fd listener = open_stream(session);
  // Binds over connections in TIME_WAIT, never over another listener (socket(7)).
  set_option(listener.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  const std::string where = session.address.to_string();
  const auto busy_or = [&](const std::string& call) {
    return errno == EADDRINUSE ? "port busy: " + where : call + " " + where;
  };
  if (::bind(listener.get(), session.address.data(), session.address.size()) != 0)
    check(-1, busy_or("bind"));
  if (::listen(listener.get(), SOMAXCONN) != 0) check(-1, busy_or("listen"));
  return listener;
}

Fd dial_stream(const Session& session) {
  const Address& address = session.address;
  Fd fd = open_stream(session);
  if (::connect(fd.get(), address.data(), address.size()) != 0)
    check(-1, "connect to " + address.to_string());  // the text only now: v1 dials in its hot loop
  return fd;
}

}  // namespace pingperf
