#include "sockets/throughput/datagram_bursts.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "sockets/core/socket_options.h"
#include "sockets/throughput/coalescing.h"
#include "sockets/throughput/datagram_transfer.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxUdp = 65507;    // payload of one IPv4 datagram
constexpr std::size_t kMaxSegments = 64;  // per send with UDP_SEGMENT (UDP_MAX_SEGMENTS)
constexpr std::size_t kMaxReceive = 65536;

// Returns the number of datagrams per message.
std::size_t segments_of(const Options& o) {
  if (!o.gso.value_or(false)) return 1;
  return std::clamp<std::size_t>(kMaxUdp / *o.message_size, 1, kMaxSegments);
}

// The messages of one sendmmsg(2). With gso a message contains several datagrams.
class Burst {
 public:
  Burst(const Flow& flow, const Options& o)
      : size_(flow.outgoing.size()),
        segments_(segments_of(o)),
        messages_(o.batch.value_or(1)),
        memory_(messages_ * segments_ * size_),
        parts_(messages_),
        headers_(messages_) {
    for (std::size_t i = 0; i < messages_ * segments_; ++i)
      std::copy(flow.outgoing.begin(), flow.outgoing.end(), datagram(i));
    for (std::size_t i = 0; i < messages_; ++i) {
      parts_[i].iov_base = datagram(i * segments_);
      headers_[i].msg_hdr.msg_iov = &parts_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  // Returns the maximum number of datagrams.
  std::size_t max_datagrams() const noexcept { return messages_ * segments_; }

  // Numbers and stamps `count` datagrams and sends them. Returns the number of datagrams that the
  // kernel accepted, or -1 with errno.
  ssize_t send(int fd, std::uint64_t first, std::size_t count) noexcept {
    const Nanoseconds now = now_ns();
    for (std::size_t i = 0; i < count; ++i) set_header(datagram(i), {first + i, now});
    const std::size_t used = (count + segments_ - 1) / segments_;
    for (std::size_t i = 0; i < used; ++i)
      parts_[i].iov_len = std::min(segments_, count - i * segments_) * size_;
    const int sent = ::sendmmsg(fd, headers_.data(), static_cast<unsigned>(used), MSG_NOSIGNAL);
    if (sent < 0) return -1;
    return static_cast<ssize_t>(std::min(count, static_cast<std::size_t>(sent) * segments_));
  }

 private:
  char* datagram(std::size_t i) noexcept { return memory_.data() + i * size_; }

  const std::size_t size_, segments_, messages_;
  std::vector<char> memory_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> headers_;
};

// Returns the number of datagrams until the limit of bytes, at most `maximum`.
std::size_t datagrams_left(const FlowCounter& sent, std::size_t size,
                           std::size_t maximum) noexcept {
  const std::uint64_t left = sent.limit.load(std::memory_order_relaxed) - sent.count();
  return static_cast<std::size_t>(std::min<std::uint64_t>(maximum, (left - 1) / size + 1));
}

// The messages that one recvmmsg(2) receives.
class Arrivals {
 public:
  Arrivals(std::size_t messages, std::size_t room)
      : room_(room),
        memory_(messages * room),
        parts_(messages),
        headers_(messages),
        controls_(messages) {
    for (std::size_t i = 0; i < messages; ++i) {
      parts_[i] = {data(i), room};
      headers_[i].msg_hdr.msg_iov = &parts_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  // Calls recvmmsg(2). Returns the number of messages, or -1 with errno.
  int receive(int fd, int flags) noexcept {
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      headers_[i].msg_hdr.msg_control = controls_[i].bytes;
      headers_[i].msg_hdr.msg_controllen = sizeof controls_[i].bytes;
    }
    return ::recvmmsg(fd, headers_.data(), static_cast<unsigned>(headers_.size()), flags, nullptr);
  }

  char* data(std::size_t i) noexcept { return memory_.data() + i * room_; }
  std::size_t size(std::size_t i) const noexcept { return headers_[i].msg_len; }

  // The control data of a message.
  struct Control {
    Nanoseconds arrival = 0;  // on CLOCK_REALTIME
    std::size_t segment = 0;  // size of the datagrams that UDP_GRO has coalesced; 0: one datagram
  };

  // Reads the control data of message i.
  Control control(std::size_t i) noexcept {
    Control control;
    msghdr& message = headers_[i].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
        timespec t;
        std::memcpy(&t, CMSG_DATA(c), sizeof t);
        control.arrival = t.tv_sec * kSecond + t.tv_nsec;
      } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
        int size;
        std::memcpy(&size, CMSG_DATA(c), sizeof size);
        control.segment = static_cast<std::size_t>(size);
      }
    }
    return control;
  }

 private:
  struct ControlBuffer {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(int))];
  };

  const std::size_t room_;
  std::vector<char> memory_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> headers_;
  std::vector<ControlBuffer> controls_;
};

// Calls Arrivals::receive(). If the socket of a fast flow is empty, sleeps before it waits.
int receive_gathered(Arrivals& arrivals, int fd, int flags, Coalescing& coalescing) noexcept {
  const int count = arrivals.receive(fd, flags | MSG_DONTWAIT);
  if (count >= 0 || errno != EAGAIN) return count;
  const timespec pause{0, coalescing.pause(now_ns())};
  if (pause.tv_nsec > 0) ::nanosleep(&pause, nullptr);
  return arrivals.receive(fd, flags | MSG_WAITFORONE);
}

// Splits message i into datagrams and passes them to the sink. Returns false at the end of the
// flow. With `discard` only the first header is known. The other datagrams are counted from it,
// because datagrams that GRO has coalesced have consecutive numbers.
bool take_apart(Arrivals& arrivals, std::size_t i, DatagramSink& sink, bool discard) noexcept {
  const auto [now, segment] = arrivals.control(i);
  const std::size_t n = arrivals.size(i);
  const char* const data = arrivals.data(i);
  if (segment == 0 || segment >= n) return sink.take(data, n, now, !discard);
  if (!discard) {
    for (std::size_t at = 0; at < n; at += segment)
      if (!sink.take(data + at, std::min(segment, n - at), now, true)) return false;
    return true;
  }
  const DatagramHeader first = header_of(data);
  if (first.number >= kEnd) return sink.take(data, segment, now, false);
  for (std::size_t k = 0; (k + 1) * segment <= n; ++k)
    sink.count(first.number + k, first.value, segment, now);
  return true;
}

}  // namespace

void send_bursts(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const std::size_t size = flow.outgoing.size();
  if (group.options.gso.value_or(false))
    set_option(flow.fd.get(), SOL_UDP, UDP_SEGMENT, static_cast<int>(size), "gso (UDP_SEGMENT)");
  Burst burst(flow, group.options);
  group.copies = 1;
  meter.first_byte();
  std::uint64_t number = 0;
  while (!meter.window_closed() && !flow.sent.full()) {
    const std::size_t count = datagrams_left(flow.sent, size, burst.max_datagrams());
    if (flow.pace.paced()) flow.pace.wait(meter, count);
    const ssize_t sent = burst.send(flow.fd.get(), number, count);
    if (sent < 0) {
      if (is_transient_send(errno)) continue;
      flow.fail(meter);
      break;
    }
    number += static_cast<std::uint64_t>(sent);
    flow.sent.add(static_cast<std::uint64_t>(sent) * size, static_cast<std::uint64_t>(sent));
  }
  if (group.options.gso.value_or(false))  // send_end() sends single datagrams
    set_option(flow.fd.get(), SOL_UDP, UDP_SEGMENT, 0, "gso (UDP_SEGMENT)");
  send_end(flow.fd.get(), number);
}

void receive_bursts(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const int fd = flow.fd.get();
  const Options& o = group.options;
  const bool gro = o.gro.value_or(false), discard = o.receive == "discard";
  if (gro) set_option(fd, SOL_UDP, UDP_GRO, 1, "gro (UDP_GRO)");
  set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
  const std::size_t whole = gro ? kMaxReceive : flow.incoming.size();
  Arrivals arrivals(o.batch.value_or(1), discard ? sizeof(Hello) : whole);
  DatagramSink sink(flow, meter, o.verify.value_or(false));
  Coalescing coalescing(buffer_size(fd, SO_RCVBUF).value_or(0));
  group.copies = discard ? 0 : 1;
  while (!meter.stopped()) {
    const int count = receive_gathered(arrivals, fd, discard ? MSG_TRUNC : 0, coalescing);
    if (count < 0 && is_transient_send(errno)) continue;
    if (count < 0) return flow.fail(meter);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      coalescing.took(arrivals.size(i));
      if (!take_apart(arrivals, i, sink, discard)) return;
    }
  }
}

}  // namespace pingperf
