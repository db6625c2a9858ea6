#include "harness/engines/socket_guard.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "harness/base/io.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/core/io.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/pending_connections.h"

namespace pingperf {
namespace {

constexpr char kAdmittedByGuard = '+';

// Returns what a call of the C library would.
template <typename... Arguments>
int system_call(long number, Arguments... arguments) noexcept {
  return static_cast<int>(::syscall(number, arguments...));
}

int option_of(int fd, int option) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

bool is_datagram(int fd) noexcept {
  return option_of(fd, SO_TYPE) == SOCK_DGRAM;
}

// Passes only datagrams that begin with the token (SO_ATTACH_FILTER, socket(7)). The filter of a
// UDP socket sees the UDP header.
void pass_only_token(int fd, const Token& token) {
  constexpr std::uint32_t kUdpHeader = 8;
  constexpr std::uint8_t kWords = sizeof(Token) / 4;
  std::vector<sock_filter> program;
  for (std::uint8_t i = 0; i < kWords; ++i) {
    std::uint32_t word;
    std::memcpy(&word, token.data() + 4u * i, sizeof word);
    program.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, kUdpHeader + 4u * i});
    const auto to_reject = static_cast<std::uint8_t>(2 * (kWords - 1 - i) + 1);
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, to_reject, ntohl(word)});
  }
  program.push_back({BPF_RET | BPF_K, 0, 0, UINT32_MAX});
  program.push_back({BPF_RET | BPF_K, 0, 0, 0});
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  check(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), "SO_ATTACH_FILTER");
}

// The server's guard. libiperf calls it from one thread.
class ServerGuard {
 public:
  ServerGuard(const Token& token, std::size_t connections)
      : token_(token), remaining_(connections) {}
  ~ServerGuard() { end(); }
  ServerGuard(const ServerGuard&) = delete;
  ServerGuard& operator=(const ServerGuard&) = delete;

  // Makes `fd`, which listens, a stand-in that is readable when an admitted connection waits. A
  // thread owns the listener itself.
  void listen(int fd) {
    listener_ = Fd(check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl"));
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
    Fd stand_in(ends[0]);
    admitted_ = Fd(ends[1]);
    for (const int buffer : {SO_SNDBUF, SO_RCVBUF}) {  // libiperf reports those of its listener
      const int half = option_of(fd, buffer) / 2;  // the kernel doubles what it is given: socket(7)
      ::setsockopt(stand_in.get(), SOL_SOCKET, buffer, &half, sizeof half);
    }
    check(::dup3(stand_in.get(), fd, O_CLOEXEC), "dup");
    stand_in_ = fd;
    acceptor_ = std::thread([this] { admit(); });
  }

  bool owns(int fd) const noexcept { return fd == stand_in_; }

  // Waits for the next admitted connection.
  int accept(sockaddr* address, socklen_t* size) const noexcept {
    int connection = -1;
    if (::recv(stand_in_, &connection, sizeof connection, 0) != sizeof connection) return -1;
    if (address != nullptr) ::getpeername(connection, address, size);
    return connection;
  }

  // Records that `fd` is connected. From now on the kernel passes only that peer's datagrams.
  void connected(int fd) noexcept {
    const int unused = 0;
    dropped_ += drops_of(fd);
    ::setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
  }

  void pass_only_token(int fd) const { pingperf::pass_only_token(fd, token_); }

  // Stops listening, so that libiperf can listen on the port again.
  void end() noexcept {
    if (!acceptor_.joinable()) return;
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    listener_ = Fd();
    admitted_ = Fd();
    stand_in_ = -1;
  }

  // Called after end().
  std::uint64_t rejected() const noexcept { return rejected_ + dropped_; }

 private:
  // The thread's function. Ends when all connections have come, or the listener was shut down.
  void admit() noexcept {
    PendingConnections pending(listener_.get(), token_);
    while (remaining_ > 0) {
      Fd connection = pending.admit(PendingConnections::kForever);
      if (!connection) break;
      if (!send_all(connection.get(), &kAdmittedByGuard, 1)) continue;
      --remaining_;
      const int number = connection.release();  // libiperf closes it
      ::send(admitted_.get(), &number, sizeof number, MSG_NOSIGNAL);
    }
    ::shutdown(listener_.get(), SHUT_RDWR);
    rejected_ += pending.rejected();
  }

  const Token token_;
  // The thread's, while it runs.
  std::size_t remaining_;  // connections of the client
  std::uint64_t rejected_ = 0;
  std::uint64_t dropped_ = 0;  // datagrams
  Fd listener_;
  Fd admitted_;  // the thread writes here, and the stand-in receives
  int stand_in_ = -1;
  std::thread acceptor_;
};

// The client's guard.
struct ClientGuard {
  std::uint16_t port;
  Token token;
  Nanoseconds deadline;

  bool is_to_server(const sockaddr* address, socklen_t size) const {
    return (address->sa_family == AF_INET || address->sa_family == AF_INET6) &&
           Address::from(address, size).port() == port;
  }

  // Shows the token on a new connection. libiperf's first message completes the datagram. Returns 0
  // or -1 with errno, as connect(2).
  int show_token(int fd) const noexcept {
    const bool datagram = is_datagram(fd);
    if (::send(fd, token.data(), token.size(), MSG_NOSIGNAL | (datagram ? MSG_MORE : 0)) !=
        static_cast<ssize_t>(token.size()))
      return -1;
    if (datagram) return 0;
    char answer = 0;
    if (!wait_readable(fd, deadline)) return errno = ETIMEDOUT, -1;
    if (receive_all(fd, &answer, 1) && answer == kAdmittedByGuard) return 0;
    return errno = ECONNREFUSED, -1;
  }
};

// libiperf passes its sockets no argument, and a worker process runs one test.
std::unique_ptr<ServerGuard> server_guard;
std::unique_ptr<ClientGuard> client_guard;

// Waits for the end of a connect(2) that does not wait. Returns as connect(2).
int complete_connect(int fd, Nanoseconds deadline) noexcept {
  pollfd p{fd, POLLOUT, 0};
  if (::poll(&p, 1, poll_ms(deadline)) <= 0) return errno = ETIMEDOUT, -1;
  errno = option_of(fd, SO_ERROR);
  return errno == 0 ? 0 : -1;
}

// Returns 0, or -1 with the errno of the exception.
template <typename Call>
int errno_of(const Call& call) noexcept {
  try {
    call();
    return 0;
  } catch (const std::system_error& e) {
    return errno = e.code().value(), -1;
  }
}

}  // namespace

void guard_server(const EndpointConfig& config, std::size_t connections) {
  server_guard = std::make_unique<ServerGuard>(config.token, connections);
}

void guard_client(const EndpointConfig& config) {
  client_guard = std::make_unique<ClientGuard>(
      ClientGuard{config.address.port(), config.token, config.deadline});
}

std::uint64_t end_guard() noexcept {
  if (!server_guard) return 0;
  server_guard->end();
  const std::uint64_t rejected = server_guard->rejected();
  server_guard.reset();
  return rejected;
}

}  // namespace pingperf

// The functions that take the place of the C library's.

extern "C" int connect(int fd, const sockaddr* address, socklen_t size) {
  using namespace pingperf;
  int result = system_call(SYS_connect, fd, address, size);
  if (server_guard && result == 0 && is_datagram(fd)) server_guard->connected(fd);
  if (!client_guard || !client_guard->is_to_server(address, size)) return result;
  if (result != 0 && errno == EINPROGRESS) result = complete_connect(fd, client_guard->deadline);
  return result == 0 ? client_guard->show_token(fd) : result;
}

extern "C" int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  using namespace pingperf;
  if (server_guard && !is_datagram(fd)) server_guard->end();
  // The filter comes first, because datagrams can arrive as soon as the socket is bound.
  if (server_guard && is_datagram(fd))
    if (errno_of([&] { server_guard->pass_only_token(fd); }) != 0) return -1;
  return system_call(SYS_bind, fd, address, size);
}

extern "C" int listen(int fd, int backlog) noexcept {
  using namespace pingperf;
  const int result = system_call(SYS_listen, fd, backlog);
  if (!server_guard || result != 0) return result;
  return errno_of([&] { server_guard->listen(fd); });
}

extern "C" int accept(int fd, sockaddr* address, socklen_t* size) {
  using namespace pingperf;
  if (server_guard && server_guard->owns(fd)) return server_guard->accept(address, size);
  return system_call(SYS_accept4, fd, address, size, 0);
}
