#include "sockets/throughput/datagram_bursts.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstring>

#include "sockets/core/socket_options.h"

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

// Returns the room for a message. With discard only the header of its first datagram is copied.
std::size_t room_of(const Flow& flow, const Options& o) {
  if (o.receive == "discard") return sizeof(Hello);
  return whole_lines(o.gro.value_or(false) ? kMaxReceive : flow.incoming.size());
}

void set_segment(const Flow& flow, std::size_t size) {
  set_option(flow.fd.get(), SOL_UDP, UDP_SEGMENT, static_cast<int>(size), "gso (UDP_SEGMENT)");
}

// Points each message to its part of the memory.
void connect_parts(std::vector<mmsghdr>& headers, std::vector<iovec>& parts) {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    headers[i].msg_hdr.msg_iov = &parts[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
}

// Receives once. If the socket of a fast flow is empty, sleeps before it waits.
int receive_gathered(BurstReceiver& receiver, Coalescing& coalescing) noexcept {
  const int count = receiver.receive(MSG_DONTWAIT);
  if (count >= 0 || errno != EAGAIN) return count;
  coalescing.gather();
  return receiver.receive(MSG_WAITFORONE);
}

}  // namespace

BurstSender::BurstSender(Flow& flow, const Options& o)
    : flow_(flow),
      gso_(o.gso.value_or(false)),
      size_(flow.outgoing.size()),
      segments_(segments_of(o)),
      messages_(o.batch.value_or(1)),
      memory_(messages_ * segments_ * size_),
      parts_(messages_),
      headers_(messages_) {
  for (std::size_t i = 0; i < messages_ * segments_; ++i)
    std::copy(flow.outgoing.begin(), flow.outgoing.end(), datagram(i));
  for (std::size_t i = 0; i < messages_; ++i) parts_[i].iov_base = datagram(i * segments_);
  connect_parts(headers_, parts_);
  if (gso_) set_segment(flow, size_);
}

std::size_t BurstSender::next_cost() const noexcept {
  return flow_.sizes.empty() ? next_count() : next_mixed().bytes;
}

std::size_t BurstSender::next_count() const noexcept {
  const std::uint64_t left = flow_.sent.limit.load(std::memory_order_relaxed) - flow_.sent.count();
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(messages_ * segments_, (left - 1) / size_ + 1));
}

BurstSender::Mixed BurstSender::next_mixed() const noexcept {
  const MixedSizes sizes(flow_);
  const std::uint64_t left = flow_.sent.limit.load(std::memory_order_relaxed) - flow_.sent.count();
  Mixed burst;
  while (burst.count < messages_ && burst.bytes < left)
    burst.bytes += sizes.of(number_ + burst.count++);
  return burst;
}

ssize_t BurstSender::send_mixed(int flags) noexcept {
  const MixedSizes sizes(flow_);
  const std::size_t count = next_mixed().count;
  const Nanoseconds now = now_ns();
  for (std::size_t i = 0; i < count; ++i) {
    set_header(datagram(i), {number_ + i, now});
    parts_[i].iov_len = sizes.of(number_ + i);
  }
  const int accepted = ::sendmmsg(flow_.fd.get(), headers_.data(), static_cast<unsigned>(count),
                                  flags | MSG_NOSIGNAL);
  if (accepted < 0) return is_transient_send(errno) ? 0 : -1;
  const auto sent = static_cast<std::size_t>(accepted);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < sent; ++i) bytes += parts_[i].iov_len;
  number_ += sent;
  flow_.sent.add(bytes, sent);
  return static_cast<ssize_t>(bytes);
}

ssize_t BurstSender::send(int flags) noexcept {
  if (!flow_.sizes.empty()) return send_mixed(flags);
  const std::size_t count = next_count();
  const Nanoseconds now = now_ns();
  for (std::size_t i = 0; i < count; ++i) set_header(datagram(i), {number_ + i, now});
  const std::size_t used = (count + segments_ - 1) / segments_;
  for (std::size_t i = 0; i < used; ++i)
    parts_[i].iov_len = std::min(segments_, count - i * segments_) * size_;
  const int accepted = ::sendmmsg(flow_.fd.get(), headers_.data(), static_cast<unsigned>(used),
                                  flags | MSG_NOSIGNAL);
  if (accepted < 0) return is_transient_send(errno) ? 0 : -1;
  const std::uint64_t sent = std::min(count, static_cast<std::size_t>(accepted) * segments_);
  number_ += sent;
  flow_.sent.add(sent * size_, sent);
  return static_cast<ssize_t>(sent);
}

void BurstSender::finish() noexcept {
  constexpr int kNone = 0;  // the marks are single datagrams
  if (gso_) ::setsockopt(flow_.fd.get(), SOL_UDP, UDP_SEGMENT, &kNone, sizeof kNone);
  finish_datagrams(flow_, number_);
}

BurstReceiver::BurstReceiver(Flow& flow, const Options& o, Meter& meter, Coalescing& coalescing)
    : sink_(flow, meter, o.verify.value_or(false)),
      coalescing_(coalescing),
      discard_(o.receive == "discard"),
      room_(room_of(flow, o)),
      memory_(o.batch.value_or(1) * room_),
      parts_(o.batch.value_or(1)),
      headers_(parts_.size()),
      controls_(parts_.size()) {
  for (std::size_t i = 0; i < parts_.size(); ++i) parts_[i] = {data(i), room_};
  connect_parts(headers_, parts_);
  const int fd = flow.fd.get();
  if (o.gro.value_or(false)) set_option(fd, SOL_UDP, UDP_GRO, 1, "gro (UDP_GRO)");
  set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
}

int BurstReceiver::receive(int flags) noexcept {
  for (std::size_t i = 0; i < headers_.size(); ++i) {
    headers_[i].msg_hdr.msg_control = controls_[i].bytes;
    headers_[i].msg_hdr.msg_controllen = sizeof controls_[i].bytes;
  }
  return ::recvmmsg(flow().fd.get(), headers_.data(), static_cast<unsigned>(headers_.size()),
                    flags | (discard_ ? MSG_TRUNC : 0), nullptr);
}

bool BurstReceiver::count(int messages) noexcept {
  for (std::size_t i = 0; i < static_cast<std::size_t>(messages); ++i) {
    coalescing_.took(headers_[i].msg_len);
    if (!take_apart(i)) return false;
  }
  return true;
}

// Reads the control data of message i.
BurstReceiver::Control BurstReceiver::control(std::size_t i) noexcept {
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

// Splits message i into datagrams and passes them to the sink. Returns false at the end of the
// flow. With `discard` only the first header is known. The other datagrams are counted from it. So
// a loss among datagrams that GRO has coalesced shows at the next message, and their order is
// unknown.
bool BurstReceiver::take_apart(std::size_t i) noexcept {
  const auto [now, segment] = control(i);
  const std::size_t n = headers_[i].msg_len;
  const char* const message = data(i);
  if (segment == 0 || segment >= n) return sink_.take(message, n, now, !discard_);
  if (!discard_) {
    for (std::size_t at = 0; at < n; at += segment)
      if (!sink_.take(message + at, std::min(segment, n - at), now, true)) return false;
    return true;
  }
  const DatagramHeader first = header_of(message);
  if (first.number >= kEnd) return sink_.take(message, segment, now, false);
  for (std::size_t k = 0; (k + 1) * segment <= n; ++k)
    sink_.count(first.number + k, first.value, segment, now);
  return true;
}

void send_bursts(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  BurstSender sender(flow, group.options);
  group.copies = 1;
  group.await_others();
  meter.first_byte();
  while (!meter.window_closed() && !flow.sent.full()) {
    if (flow.pace.paced()) flow.pace.wait(meter, sender.next_cost());
    if (sender.send(0) >= 0) continue;
    flow.fail(meter);
    break;
  }
  sender.finish();
}

void receive_bursts(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  Coalescing coalescing(buffer_size(flow.fd.get(), SO_RCVBUF).value_or(0));
  BurstReceiver receiver(flow, group.options, meter, coalescing);
  group.copies = group.options.receive == "discard" ? 0 : 1;
  group.await_others();
  while (!meter.stopped()) {
    const int count = receive_gathered(receiver, coalescing);
    if (count < 0 && is_transient_send(errno)) continue;
    if (count < 0) return flow.fail(meter);
    if (!receiver.count(count)) return;
  }
}

}  // namespace pingperf
