#include "sockets/stream.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <list>
#include <stdexcept>

#include "sockets/error.h"
#include "sockets/io.h"
#include "sockets/socket_options.h"

namespace pingperf {
namespace {

constexpr char kAdmitted = '+';
constexpr std::size_t kMostGuests = 256;  // that may be at the door at once

// A peer that connected and has not shown its whole token yet.
struct Guest {
  Fd connection;
  Token shown{};
  std::size_t received = 0;
};

enum class Verdict { waiting, admitted, rejected };

// Reads what has come of the token, without blocking.
Verdict examine(Guest& guest, const Token& token) {
  const ssize_t n = ::recv(guest.connection.get(), guest.shown.data() + guest.received,
                           guest.shown.size() - guest.received, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Verdict::waiting;
  if (n <= 0) return Verdict::rejected;
  guest.received += static_cast<std::size_t>(n);
  if (guest.received < guest.shown.size()) return Verdict::waiting;
  return same_token(guest.shown, token) ? Verdict::admitted : Verdict::rejected;
}

std::vector<pollfd> poll_set(int listener, const std::list<Guest>& guests) {
  std::vector<pollfd> set{{listener, POLLIN, 0}};
  for (const Guest& guest : guests) set.push_back({guest.connection.get(), POLLIN, 0});
  return set;
}

struct Admitted {
  std::vector<Fd> connections;
  std::uint64_t rejected_peers = 0;
};

void examine_all(std::list<Guest>& guests, const Session& session, Admitted& result) {
  for (auto guest = guests.begin(); guest != guests.end();) {
    const Verdict verdict = examine(*guest, session.token);
    if (verdict == Verdict::waiting) {
      ++guest;
      continue;
    }
    if (verdict == Verdict::rejected) {
      ++result.rejected_peers;
    } else if (send_all(guest->connection.get(), &kAdmitted, 1)) {
      result.connections.push_back(std::move(guest->connection));
    }
    guest = guests.erase(guest);
  }
}

Fd open_stream(const Session& session) {
  const int protocol = session.options.transport == Transport::mptcp ? IPPROTO_MPTCP : 0;
  Fd fd(check(::socket(session.address.family(), SOCK_STREAM | SOCK_CLOEXEC, protocol), "socket"));
  apply_options(fd.get(), session.options, session.address.family());
  return fd;
}

std::vector<Fd> admit_streams(Fd listener, const Session& session, std::size_t count,
                              std::uint64_t& rejected) {
  Admitted result;
  std::list<Guest> guests;
  while (result.connections.size() < count) {
    const Nanoseconds left = session.deadline - now_ns();
    if (left <= 0)
      throw std::runtime_error(
          "the client did not connect: " + std::to_string(result.connections.size()) + " of " +
          std::to_string(count) + " connections came");
    std::vector<pollfd> set = poll_set(listener.get(), guests);
    if (::poll(set.data(), set.size(), static_cast<int>(left / kMillisecond) + 1) <= 0) continue;
    if (set[0].revents != 0) {
      Fd guest(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!guest && (errno == EMFILE || errno == ENFILE)) check(-1, "accept (ulimit -n)");
      if (guest) guests.push_back({std::move(guest)});
      if (guests.size() > kMostGuests) {  // the one who has kept mute for longest makes room
        guests.pop_front();
        ++result.rejected_peers;
      }
    }
    examine_all(guests, session, result);
  }
  rejected += result.rejected_peers + guests.size();
  return std::move(result.connections);
}

// The server's word that the connection is one of its session's.
void await_admission(int fd, const Session& session) {
  char answer = 0;
  if (!wait_readable(fd, session.deadline) || !receive_all(fd, &answer, 1) || answer != kAdmitted)
    throw std::runtime_error(session.address.to_string() + " did not admit this session");
}

// Many are at the door at once, fewer than the server lets wait there.
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
    if (connections.size() < count && connections.size() - admitted < kMostGuests / 2) continue;
    for (; admitted < connections.size(); ++admitted)
      await_admission(connections[admitted].get(), session);
  }
  return connections;
}

}  // namespace

const Carrier kStreams = {listen_stream, admit_streams, connect_streams};

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
