#include "sockets/transport/stream.h"

#include <fcntl.h>
#include <linux/mptcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/limits.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/pending_connections.h"

namespace pingperf {
namespace {

constexpr char kAdmitted = '+';

// Throws std::runtime_error for the errno of a call for one of the connections.
[[noreturn]] void fail_at_number(std::size_t number, std::size_t count, const char* call) {
  const std::system_error error(errno, std::generic_category(), call);
  throw std::runtime_error(at_number("connection", number, count, explained(error)));
}

std::vector<Fd> admit_streams(Fd listener, const EndpointConfig& config, std::size_t count,
                              std::uint64_t& rejected) {
  std::vector<Fd> connections;
  PendingConnections pending(listener.get(), config.token);
  while (connections.size() < count) {
    Fd connection = pending.admit(config.deadline);
    if (!connection && errno == ETIMEDOUT)
      throw std::runtime_error("the client did not connect: " + std::to_string(connections.size()) +
                               " of " + std::to_string(count) + " connections arrived");
    if (!connection) fail_at_number(connections.size() + 1, count, "accept");
    // Over TCP, a connection has the options of its listener.
    if (is_unix(config.options.transport)) apply_options(connection.get(), config.options, AF_UNIX);
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

// The flows of a client, which are dialled together, so that each waits for its own round trips
// only. But no more are pending than the server accepts.
class Dials {
 public:
  Dials(const EndpointConfig& config, std::size_t count) : config_(config), flows_(count) {}

  // Throws std::runtime_error at the deadline, or if the server does not admit a flow.
  std::vector<Fd> open() {
    while (admitted_ < flows_.size()) {
      while (started_ < flows_.size() && started_ - admitted_ < kMaxPending) start();
      wait();
      for (std::size_t i = 0; i < set_.size(); ++i)
        if (set_[i].revents != 0) go_on(pending_[i]);
      std::erase_if(pending_, [&](std::size_t i) { return states_[i] == State::admitted; });
    }
    return std::move(flows_);
  }

 private:
  enum class State { connecting, pending, admitted };
  static constexpr std::size_t kMaxPending = PendingConnections::kMaxPending / 2;

  void start() {
    // A unix listener whose queue is full refuses a connect that does not wait.
    const auto dial = config_.address.family() == AF_UNIX ? dial_stream : start_dial;
    flows_[started_] =
        set_up_one("connection", started_ + 1, flows_.size(), [&] { return dial(config_); });
    states_.push_back(State::connecting);
    pending_.push_back(started_++);
  }

  void wait() {
    set_.clear();
    for (const std::size_t i : pending_)
      set_.push_back({flows_[i].get(),
                      static_cast<short>(states_[i] == State::connecting ? POLLOUT : POLLIN), 0});
    if (now_ns() >= config_.deadline) fail_late();
    ::poll(set_.data(), set_.size(), poll_ms(config_.deadline));
  }

  // Takes the next step of a flow that is ready.
  void go_on(std::size_t i) {
    const int fd = flows_[i].get();
    if (states_[i] == State::connecting) {
      set_up_one("connection", i + 1, flows_.size(), [&] { finish_dial(fd, config_); });
      if (config_.options.transport == Transport::mptcp) require_mptcp(fd, config_);
      if (config_.external) return admit(i);
      const auto* token = reinterpret_cast<const char*>(config_.token.data());
      if (!send_all(fd, token, config_.token.size())) check(-1, "send of the token");
      states_[i] = State::pending;
      return;
    }
    char answer = 0;
    const ssize_t n = ::recv(fd, &answer, 1, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) fail(std::string(": ") + std::strerror(errno));
    if (n != 1 || answer != kAdmitted) fail("");
    admit(i);
  }

  void admit(std::size_t i) {
    check(::fcntl(flows_[i].get(), F_SETFL, 0), "F_SETFL");  // blocking from now on
    states_[i] = State::admitted;
    ++admitted_;
  }

  [[noreturn]] void fail_late() const {
    const std::string when = " by the end of the time limit";
    const auto connecting = std::count(states_.begin(), states_.end(), State::connecting);
    if (connecting == 0) fail(when);
    throw std::runtime_error(std::to_string(started_ - static_cast<std::size_t>(connecting)) +
                             " of " + std::to_string(flows_.size()) + " connections to " +
                             config_.address.to_string() + " stood" + when);
  }

  [[noreturn]] void fail(const std::string& how) const {
    throw std::runtime_error(config_.address.to_string() + " did not admit this session" + how +
                             (flows_.size() == 1 ? ""
                                                 : ": " + std::to_string(admitted_) + " of " +
                                                       std::to_string(flows_.size()) +
                                                       " connections were admitted"));
  }

  const EndpointConfig& config_;
  std::vector<Fd> flows_;
  std::vector<State> states_;         // of the flows that were started
  std::vector<std::size_t> pending_;  // flows that are not admitted
  std::vector<pollfd> set_;           // in the order of pending_
  std::size_t started_ = 0;
  std::size_t admitted_ = 0;
};

std::vector<Fd> connect_streams(const EndpointConfig& config, std::size_t count) {
  return Dials(config, count).open();
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

Fd start_dial(const EndpointConfig& config) {
  const Address& address = config.address;
  Fd fd = open_stream(config, SOCK_NONBLOCK);
  if (::connect(fd.get(), address.data(), address.size()) != 0 && errno != EINPROGRESS)
    check(-1, "connect to " + address.to_string());
  return fd;
}

void finish_dial(int fd, const EndpointConfig& config) {
  int error = 0;
  socklen_t size = sizeof error;
  check(::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
  errno = error;
  if (error != 0) check(-1, "connect to " + config.address.to_string());
}

Fd dial_stream(const EndpointConfig& config) {
  const Address& address = config.address;
  Fd fd = open_stream(config);
  if (::connect(fd.get(), address.data(), address.size()) != 0)
    check(-1, "connect to " + address.to_string());  // builds the text only after an error
  return fd;
}

}  // namespace pingperf
