// Ping-pong with several pings in flight on a flow, in a closed loop: a pong makes room for the
// next ping of its flow.
//
// The client never blocks in send(2). A server may block there until the client receives; if the
// client did the same, neither would continue. So the servers are those of one ping at a time.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>

#include "sockets/latency/datagram_pingpong.h"
#include "sockets/latency/stream_pingpong.h"

namespace pingperf {

// The pings in flight of the flows of one thread.
//
// Over a stream, pongs arrive in the order of the pings. The number of a datagram consists of the
// sequence number and the slot of the ping among those of its flow.
class PipelinedPinger {
 public:
  PipelinedPinger(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t),
        meter_(meter),
        stream_(is_stream(config.options.transport)),
        depth_(config.options.in_flight.value_or(1)),
        timeout_(config.options.ping_timeout.value_or(kPingTimeout)),
        room_(stream_ ? std::max(t.expected.size(),
                                 std::min<std::size_t>(depth_ * t.expected.size(), kReceive))
                      : t.incoming.size()),
        buffers_(t.flows.size() * room_),
        pings_(t.flows.size() * depth_),
        lanes_(t.flows.size()),
        window_(open_window(t, meter)) {}

  bool is_over() const noexcept { return in_flight_ == 0 || meter_.stopped() || t_.error != 0; }

  // Turns the thread's message into the next ping of `flow`. Returns false if the previous one is
  // not wholly sent, all slots are in use, or no more pings may be sent.
  bool next(PingFlow& flow) noexcept {
    Lane& lane = lane_of(flow);
    if (lane.sending || lane.in_flight == depth_) return false;
    const Nanoseconds now = fast_now_ns();
    if (!window_.may_send(t_, now)) return false;
    while (ping_of(flow, lane.next).waiting) lane.next = after(lane.next);  // over datagrams
    flow.number = t_.take_number();
    ping_of(flow, lane.next) = {flow.number, now, true};
    ++lane.in_flight;
    ++in_flight_;
    lane.sending = true;
    write_head(flow);
    return true;
  }

  // Handles that the message of the last next() was handed to the kernel.
  void sent(PingFlow& flow) noexcept {
    Lane& lane = lane_of(flow);
    lane.sending = false;
    lane.offset = 0;
    lane.next = after(lane.next);
  }

  // Sends pings until all slots are in use. Returns false if the send buffer is full.
  bool send_pings(PingFlow& flow) noexcept {
    Lane& lane = lane_of(flow);
    if (lane.sending) write_head(flow);  // another flow has used the thread's message
    while (lane.sending || next(flow)) {
      const ssize_t n = ::send(flow.fd.get(), t_.outgoing.data() + lane.offset,
                               t_.outgoing.size() - lane.offset, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return false;
      if (n < 0) {
        fail(t_, meter_, "send of a ping");
        return true;
      }
      lane.offset += static_cast<std::size_t>(n);
      if (lane.offset == t_.outgoing.size()) sent(flow);
    }
    return true;
  }

  // Returns true if the send buffer of `flow` was full in the last send_pings().
  bool is_blocked(const PingFlow& flow) const noexcept { return lane_of(flow).sending; }

  // Returns the memory of the next receive of `flow`.
  std::span<char> room(const PingFlow& flow) noexcept {
    return {buffer_of(flow) + flow.received, room_ - flow.received};
  }

  // Handles the result of recv(2) with room(): records the pongs that are complete.
  void take(PingFlow& flow, ssize_t n) noexcept {
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n == 0 && stream_) errno = 0;
    if (n < 0 || (n == 0 && stream_)) return fail(t_, meter_, "receive of a pong");
    if (stream_)
      take_stream(flow, static_cast<std::size_t>(n));
    else
      take_datagram(flow, n);
  }

  // Records pings whose pong has not arrived within the timeout as lost. Calls again(flow) for each
  // of their flows.
  template <typename Again>
  void give_up_overdue(Again again) noexcept {
    if (stream_) return;
    const Nanoseconds now = fast_now_ns();
    if (now < next_check_) return;
    next_check_ = now + timeout_ / 8;
    for (PingFlow& flow : t_.flows) {
      const std::size_t before = lane_of(flow).in_flight;
      for (std::size_t slot = 0; slot < depth_; ++slot)
        if (Ping& ping = ping_of(flow, slot); ping.waiting && now - ping.sent > timeout_) {
          window_.record_lost(t_, ping.number, ping.sent, now);
          end(flow, ping);
        }
      if (lane_of(flow).in_flight < before) again(flow);
    }
  }

  // Returns the maximum time of a wait, so that timeouts are noticed. Negative: no maximum.
  Nanoseconds longest_wait() const noexcept { return stream_ ? -1 : timeout_ / 8; }

  // Tells the server that the client has finished.
  void finish() noexcept {
    for (const PingFlow& flow : t_.flows) finish_flow(t_, flow.fd.get(), stream_);
  }

 private:
  static constexpr std::size_t kReceive = 64 * 1024;  // of small pongs, in one recv(2)
  static constexpr unsigned kSlotBits = 10;           // in_flight is at most 1024

  struct Ping {
    std::uint64_t number = 0;
    Nanoseconds sent = 0;
    bool waiting = false;
  };

  // The pings in flight of one flow.
  struct Lane {
    std::size_t next = 0;       // slot of the next ping, or of the one that is being sent
    std::size_t oldest = 0;     // stream: slot of the next pong
    std::size_t in_flight = 0;  // pings
    std::size_t offset = 0;     // bytes of the current message that have been sent
    bool sending = false;       // the current message is not wholly sent
  };

  Lane& lane_of(const PingFlow& flow) noexcept { return lanes_[t_.index_of(flow)]; }
  const Lane& lane_of(const PingFlow& flow) const noexcept { return lanes_[t_.index_of(flow)]; }
  char* buffer_of(const PingFlow& flow) noexcept {
    return buffers_.data() + t_.index_of(flow) * room_;
  }
  Ping& ping_of(const PingFlow& flow, std::size_t slot) noexcept {
    return pings_[t_.index_of(flow) * depth_ + slot];
  }
  std::size_t after(std::size_t slot) const noexcept { return slot + 1 == depth_ ? 0 : slot + 1; }

  // Writes the head of the flow's current ping to the thread's message.
  void write_head(const PingFlow& flow) noexcept {
    const std::size_t slot = lane_of(flow).next;
    if (!stream_)
      prepare_ping(t_, flow.number << kSlotBits | slot, ping_of(flow, slot).sent);
    else if (t_.verify && t_.head == kPingNumber)
      std::memcpy(t_.outgoing.data(), &flow.number, kPingNumber);
  }

  void end(const PingFlow& flow, Ping& ping) noexcept {
    ping.waiting = false;
    --lane_of(flow).in_flight;
    --in_flight_;
  }

  void take_stream(PingFlow& flow, std::size_t n) noexcept {
    const Nanoseconds now = fast_now_ns();
    const std::size_t size = t_.expected.size();
    const char* pong = buffer_of(flow);
    for (flow.received += n; flow.received >= size; pong += size, flow.received -= size)
      if (!take_oldest(flow, pong, now)) return fail(t_, meter_, "payload of a pong");
    if (pong != buffer_of(flow)) std::memmove(buffer_of(flow), pong, flow.received);
  }

  // Records the pong of the flow's oldest ping. Returns false with errno if no ping is in flight or
  // the payload is wrong.
  bool take_oldest(PingFlow& flow, const char* pong, Nanoseconds now) noexcept {
    Lane& lane = lane_of(flow);
    Ping& ping = ping_of(flow, lane.oldest);
    errno = EBADMSG;
    if (!ping.waiting) return false;
    lane.oldest = after(lane.oldest);
    window_.record(t_, flow, ping.sent, now);
    end(flow, ping);
    if (t_.verify && t_.head == kPingNumber && std::memcmp(pong, &ping.number, kPingNumber) != 0)
      return false;
    return t_.is_intact(pong);
  }

  void take_datagram(PingFlow& flow, ssize_t n) noexcept {
    const char* const pong = buffer_of(flow);
    if (n != static_cast<ssize_t>(t_.framing.ip_header + t_.expected.size())) return;
    const std::uint64_t wire = received_header(t_, pong).number;
    const std::uint64_t number = wire >> kSlotBits, slot = wire & ((1u << kSlotBits) - 1);
    if (slot >= depth_ || number != ping_of(flow, slot).number || !ping_of(flow, slot).waiting)
      return count_stray(t_, flow, number);
    Ping& ping = ping_of(flow, slot);
    if (number < flow.answered_up_to && number >= t_.first_counted) ++t_.out_of_order;
    flow.answered_up_to = std::max(flow.answered_up_to, number + 1);
    window_.record(t_, flow, ping.sent, fast_now_ns());
    end(flow, ping);
    if (!is_intact_datagram(t_, pong)) fail(t_, meter_, "payload of a pong");
  }

  PingThread& t_;
  Meter& meter_;
  const bool stream_;
  const std::size_t depth_;
  const Nanoseconds timeout_;
  const std::size_t room_;     // bytes of a flow's buffer
  std::vector<char> buffers_;  // per flow: received bytes
  std::vector<Ping> pings_;    // per flow: depth_ slots
  std::vector<Lane> lanes_;    // per flow
  const PingWindow window_;
  std::size_t in_flight_ = 0;  // pings of all flows
  Nanoseconds next_check_ = 0;
};

// The client's loop of one flow.
template <Wait wait>
void ping_pipelined(PingThread& t, Meter& meter, const EndpointConfig& config) {
  PingFlow& flow = t.flows.front();
  const Options& o = config.options;
  const Nanoseconds spin = o.spin_time.value_or(kSpinTime);
  if (!is_stream(o.transport) && wait != Wait::spin)
    set_receive_timeout(flow.fd.get(), o.ping_timeout.value_or(kPingTimeout) / 8);
  PipelinedPinger pinger(t, meter, config);
  bool has_space = pinger.send_pings(flow);
  while (!pinger.is_over()) {
    const int fd = flow.fd.get();
    const std::span<char> room = pinger.room(flow);
    if (has_space) {
      pinger.take(flow, receive<wait>(fd, room.data(), room.size(), spin));
    } else {
      pollfd p{fd, POLLIN | POLLOUT, 0};
      if constexpr (wait != Wait::spin) ::poll(&p, 1, static_cast<int>(kStopCheck / kMillisecond));
      pinger.take(flow, ::recv(fd, room.data(), room.size(), MSG_DONTWAIT));
    }
    pinger.give_up_overdue([](PingFlow&) {});
    has_space = pinger.send_pings(flow);
  }
  pinger.finish();
}

}  // namespace pingperf
