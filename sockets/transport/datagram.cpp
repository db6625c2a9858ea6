#include "sockets/transport/datagram.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <iterator>
#include <map>
#include <span>
#include <stdexcept>
#include <system_error>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/limits.h"
#include "sockets/core/size_mix.h"
#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

// With a full queue of a unix socket, send() would block. A hello is lost then, and sent again.
constexpr int kHelloFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

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

// The server's side of the handshakes. A socket that is not connected receives the hellos of all
// new peers, and each peer gets a socket that is connected to it. The last peer gets the first one.
class Admission {
 public:
  Admission(Fd first, const EndpointConfig& config, std::size_t count, std::uint64_t& rejected)
      : config_(config),
        count_(count),
        rejected_(rejected),
        address_(Address::local_of(first.get())),
        first_{std::move(first)} {
    // Allows the next socket to share the port. Until here bind() of another program has failed.
    if (count > 1) set_option(first_.fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    watch(first_);
  }

  // Throws std::runtime_error at the deadline.
  std::vector<Fd> admit() {
    while (flows_.size() < count_) {
      if (now_ns() >= config_.deadline)
        throw std::runtime_error("the client did not open its UDP flow" +
                                 progress(flows_.size(), count_, "arrived"));
      epoll_event events[64];
      const int ready = ::epoll_wait(epoll_.get(), events, static_cast<int>(std::size(events)),
                                     poll_ms(config_.deadline));
      for (int i = 0; i < ready; ++i)
        take_hellos(*static_cast<Flow*>(events[i].data.ptr), kMaxAtOnce);
      for (; !arrived_.empty(); arrived_.pop_front())
        if (flows_.size() < count_) admit(arrived_.front());
    }
    std::vector<Fd> flows;
    for (Flow& flow : flows_) flows.push_back(std::move(flow.fd));
    return flows;
  }

 private:
  struct Flow {
    Fd fd;
  };

  // Uses epoll_wait(2), because older kernels lack the system call of Poller, and engines without
  // epoll run this code too.
  void watch(Flow& flow) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &flow}};
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, flow.fd.get(), &event), "epoll_ctl");
  }

  static constexpr std::size_t kMaxAtOnce = 256;  // so that a flood delays nobody for long

  // Reads up to `limit` datagrams. Peers with the token have arrived; others are counted as
  // rejected.
  void take_hellos(Flow& flow, std::size_t limit) {
    char datagram[64];
    sockaddr_storage peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    for (std::size_t i = 0; i < limit; ++i) {
      socklen_t size = sizeof peer;
      const ssize_t n = ::recvfrom(flow.fd.get(), datagram, sizeof datagram,
                                   MSG_DONTWAIT | MSG_TRUNC, from, &size);
      if (n < 0) return;
      if (is_hello(datagram, static_cast<std::size_t>(n), config_.token))
        arrived_.push_back(Address::from(from, size));
      else
        ++rejected_;
    }
  }

  void admit(const Address& peer) {
    if (const auto known = peers_.find(peer.to_string()); known != peers_.end())
      return answer(*known->second);
    const bool is_last = flows_.size() + 1 == count_;
    Flow& flow = flows_.emplace_back();
    flow.fd = is_last ? std::move(first_.fd) : set_up_one("flow", flows_.size(), count_, [&] {
      return bind_flow(config_, address_, true);
    });
    check(::connect(flow.fd.get(), peer.data(), peer.size()), "connect of a UDP flow");
    take_hellos(flow, SIZE_MAX);  // of other peers, from the time before the connect
    if (!is_last) watch(flow);
    peers_.emplace(peer.to_string(), &flow);
    answer(flow);
  }

  // If the answer is lost, the client repeats its hello.
  void answer(const Flow& flow) const {
    const Hello hello{kHello, config_.token};
    ::send(flow.fd.get(), &hello, sizeof hello, kHelloFlags);
  }

  const EndpointConfig& config_;
  const std::size_t count_;
  std::uint64_t& rejected_;
  const Address address_;
  Flow first_;
  std::deque<Flow> flows_;  // a deque, because epoll points to them
  std::map<std::string, Flow*> peers_;
  std::deque<Address> arrived_;
  const Fd epoll_{check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")};
};

std::vector<Fd> admit_flows(Fd first, const EndpointConfig& config, std::size_t count,
                            std::uint64_t& rejected) {
  return Admission(std::move(first), config, count, rejected).admit();
}

Fd open_flow(const EndpointConfig& config) {
  Fd fd(check(::socket(config.address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  apply_options(fd.get(), config.options, config.address.family());
  // The server can answer a unix socket only if the socket has a name. This bind() lets the kernel
  // choose one (unix(7), autobind).
  const sa_family_t unnamed = AF_UNIX;
  if (config.address.family() == AF_UNIX)
    check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&unnamed), sizeof unnamed), "bind");
  connect_datagram(fd.get(), config.address);
  return fd;
}

// The client's side of the handshakes, which wait together. Repeats each hello until the server
// answers it. An external server answers with the same bytes, or with a welcome.
class Hellos {
 public:
  Hellos(const EndpointConfig& config, std::size_t count)
      : config_(config), flows_(count), hello_{kHello, config.token} {}

  // Throws std::system_error or std::runtime_error, also at the deadline.
  std::vector<Fd> open() {
    while (started_ < flows_.size() || !pending_.empty()) {
      while (started_ < flows_.size() && pending_.size() < kMaxPending) start();
      wait();
      for (std::size_t i = 0; i < set_.size(); ++i)
        if (set_[i].revents != 0) pending_[i].admitted = take_answer(pending_[i]);
      std::erase_if(pending_, [](const Opening& opening) { return opening.admitted; });
    }
    return std::move(flows_);
  }

 private:
  struct Opening {
    std::size_t flow;
    Nanoseconds next_hello = 0;
    int refusals = 0;
    bool admitted = false;
  };
  // Their hellos fit the default receive buffer. Lost hellos are repeated.
  static constexpr std::size_t kMaxPending = 128;

  void start() {
    flows_[started_] =
        set_up_one("flow", started_ + 1, flows_.size(), [&] { return open_flow(config_); });
    pending_.push_back({started_++});
  }

  // Sends the hellos that are due, and waits for an answer or until the next one is due.
  void wait() {
    const Nanoseconds now = now_ns();
    if (now > config_.deadline)
      throw std::runtime_error(
          config_.address.to_string() + " did not admit this session" +
          progress(started_ - pending_.size(), flows_.size(), "were admitted"));
    Nanoseconds next = config_.deadline;
    set_.clear();
    for (Opening& opening : pending_) {
      const int fd = flows_[opening.flow].get();
      if (opening.next_hello <= now) {
        opening.next_hello = now + kHelloRetry;
        if (::send(fd, &hello_, sizeof hello_, kHelloFlags) < 0) refuse(opening);
      }
      next = std::min(next, opening.next_hello);
      set_.push_back({fd, POLLIN, 0});
    }
    const Nanoseconds pause = std::max<Nanoseconds>(0, next - now_ns());
    const timespec left{pause / kSecond, pause % kSecond};
    ::ppoll(set_.data(), set_.size(), &left, nullptr);
  }

  // Returns true if the server has admitted the flow.
  bool take_answer(Opening& opening) {
    char answer[64];
    const ssize_t n =
        ::recv(flows_[opening.flow].get(), answer, sizeof answer, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0) refuse(opening);
    if (n >= 0 && is_answer(answer, static_cast<std::size_t>(n), config_.token)) return true;
    if (n >= 0 && config_.external)
      throw std::runtime_error(config_.address.to_string() + " " + kOtherBytes);
    return false;
  }

  // Accepts refusals for five seconds, because the server may open its port a moment later.
  void refuse(Opening& opening) const {
    constexpr int kMaxRefusals = 100;
    constexpr Nanoseconds kFirstPause = 100 * kMicrosecond;
    if (errno != ECONNREFUSED) return;
    if (++opening.refusals == kMaxRefusals) check(-1, "connect to " + config_.address.to_string());
    opening.next_hello =
        now_ns() + std::min(kHelloRetry, kFirstPause << std::min(opening.refusals, 9));
  }

  const EndpointConfig& config_;
  std::vector<Fd> flows_;
  const Hello hello_;
  std::vector<Opening> pending_;
  std::vector<pollfd> set_;  // in the order of pending_
  std::size_t started_ = 0;
};

std::vector<Fd> connect_flows(const EndpointConfig& config, std::size_t count) {
  return Hellos(config, count).open();
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

void connect_datagram(int fd, const Address& address) {
  if (::connect(fd, address.data(), address.size()) == 0) return;
  if (errno == EAGAIN) errno = EADDRNOTAVAIL;
  check(-1, "connect to " + address.to_string());
}

HelloAnswers::HelloAnswers(const std::vector<int>& flows, const EndpointConfig& config)
    : token_(config.token) {
  if (config.options.transport != Transport::udp) return;
  stop_ = Fd(check(::eventfd(0, EFD_CLOEXEC), "eventfd"));
  set_.push_back({stop_.get(), POLLIN, 0});
  for (const int fd : flows) set_.push_back({fd, POLLIN, 0});
  thread_ = start_thread("the thread for repeated hellos", [this] { run(); });
}

HelloAnswers::~HelloAnswers() {
  if (!thread_.joinable()) return;
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void HelloAnswers::run() noexcept {
  while (set_[0].revents == 0) {
    if (::poll(set_.data(), set_.size(), -1) < 0)
      for (pollfd& entry : set_) entry.revents = 0;
    for (pollfd& flow : std::span(set_).subspan(1))
      if ((flow.revents & (POLLHUP | POLLNVAL)) || (flow.revents != 0 && !answer(flow)))
        flow.fd = -1;  // poll(2) skips it
  }
}

// Returns false if the next datagram is payload, which means that the client has the answer. So it
// does if poll(2) would report the same again (an error queue), but not after a pending error.
bool HelloAnswers::answer(const pollfd& flow) const noexcept {
  const int fd = flow.fd;
  char datagram[64];
  const ssize_t n = ::recv(fd, datagram, sizeof datagram, MSG_DONTWAIT | MSG_TRUNC | MSG_PEEK);
  if (n < 0) return errno != EAGAIN || !(flow.revents & POLLERR);
  if (!is_hello(datagram, static_cast<std::size_t>(n), token_)) return false;
  ::recv(fd, datagram, sizeof datagram, MSG_DONTWAIT);
  ::send(fd, datagram, sizeof(Hello), kHelloFlags);
  return true;
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
