// Common parts of the loops of bulk transfers over byte streams. The payload repeats the flow's
// message, so the receiver can verify every byte.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "sockets/throughput/transfer.h"

namespace pingperf {

// Returns the next bytes to send: the rest of the message after a short send, otherwise all of it.
inline std::span<const char> next_bytes(const Flow& flow) noexcept {
  const std::size_t offset = flow.sent.count() % flow.outgoing.size();
  return {flow.outgoing.data() + offset, flow.outgoing.size() - offset};
}

// Returns true if no message is partly sent.
inline bool is_between_messages(const Flow& flow) noexcept {
  return flow.sent.count() % flow.outgoing.size() == 0;
}

// Waits until the next message of a paced flow is due. Does not wait before the rest of a message.
inline void await_turn(Flow& flow, const Meter& meter) noexcept {
  if (flow.pace.paced() && is_between_messages(flow)) flow.pace.wait(meter);
}

// The writes of a flow whose messages have equal sizes. await_turn() waits until the next message
// is due, next() returns the next bytes to send, and sent() is called after they are counted.
// cost() returns how many units of the flow's Pace the last message uses, or 0 if it is partly
// sent.
class EqualWrites {
 public:
  explicit EqualWrites(Flow& flow) noexcept : flow_(flow) {}

  void await_turn(const Meter& meter) noexcept { pingperf::await_turn(flow_, meter); }
  std::span<const char> next() const noexcept { return next_bytes(flow_); }
  void sent(std::size_t) const noexcept {}
  std::size_t cost() const noexcept { return is_between_messages(flow_) ? 1 : 0; }

 private:
  Flow& flow_;
};

// The writes of a flow whose messages have the sizes of a mix. The payload is the same as with
// equal sizes.
class MixedWrites {
 public:
  explicit MixedWrites(Flow& flow)
      : flow_(flow), period_(flow.outgoing.size()), payload_(2 * period_), left_(size()) {
    std::copy(flow.outgoing.begin(), flow.outgoing.end(), payload_.begin());
    std::copy(flow.outgoing.begin(), flow.outgoing.end(),
              payload_.begin() + std::ssize(flow.outgoing));
  }

  void await_turn(const Meter& meter) noexcept {
    if (flow_.pace.paced() && left_ == size()) flow_.pace.wait(meter, left_);
  }
  std::span<const char> next() const noexcept {
    return {payload_.data() + flow_.sent.count() % period_, left_};
  }
  void sent(std::size_t n) noexcept {
    left_ -= n;
    cost_ = left_ == 0 ? size() : 0;
    if (left_ > 0) return;
    if (++index_ == flow_.sizes.size()) index_ = 0;
    left_ = size();
  }
  std::size_t cost() const noexcept { return cost_; }

 private:
  std::size_t size() const noexcept { return flow_.sizes[index_]; }

  Flow& flow_;
  const std::size_t period_;
  std::size_t index_ = 0;  // of the current message
  PageBytes payload_;      // the message twice, so that every part of it is contiguous
  std::size_t left_;       // bytes of the current message
  std::size_t cost_ = 0;
};

// Ends a sender's stream, then waits for the end of the receiver's stream. A limit of bytes is
// reached when the bytes have arrived, not when the kernel has accepted them.
inline void finish_sending(Flow& flow, const Meter& meter) noexcept {
  ::shutdown(flow.fd.get(), SHUT_WR);
  char end;
  while (flow.is_one_way && !meter.window_closed() && ::recv(flow.fd.get(), &end, 1, 0) > 0) {
  }
}

// Tells the sender that all data has arrived.
inline void finish_receiving(Flow& flow) noexcept {
  if (flow.is_one_way) ::shutdown(flow.fd.get(), SHUT_WR);
}

// Returns the flags for recv(2). With MSG_TRUNC TCP drops the data in the kernel (tcp(7)).
inline int receive_flags(const Options& options) noexcept {
  return options.receive == "discard" ? MSG_TRUNC : 0;
}

// Returns true if the next n bytes of the flow, at `data`, are those that the sender sends.
// Otherwise sets errno to EBADMSG.
inline bool is_pattern(const Flow& flow, const char* data, std::size_t n) noexcept {
  std::size_t offset = flow.received.count() % flow.outgoing.size();
  while (n > 0) {
    const std::size_t part = std::min(n, flow.outgoing.size() - offset);
    if (std::memcmp(data, flow.outgoing.data() + offset, part) != 0) {
      errno = EBADMSG;
      return false;
    }
    data += part;
    n -= part;
    offset = 0;
  }
  return true;
}

// Receives the stream of the group's first flow to its end with blocking calls. take() receives
// bytes and returns as recv(2).
template <typename Take>
void receive_with(Take take, FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const bool verify = group.options.verify.value_or(false);
  group.await_others();
  for (bool first = true;; first = false) {
    const ssize_t n = take();
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) flow.fail(meter);
    if (n == 0) finish_receiving(flow);
    if (n <= 0) return;
    if (first) meter.first_byte();
    if (verify && !is_pattern(flow, flow.incoming.data(), static_cast<std::size_t>(n)))
      return flow.fail(meter);
    flow.received.add(static_cast<std::uint64_t>(n));
  }
}

// The loop that receives with recv(2), as TransferLoop.
inline void receive_stream(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const int flags = receive_flags(group.options);
  group.copies = flags == 0 ? 1 : 0;
  receive_with(
      [&] { return ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), flags); },
      group, meter);
}

}  // namespace pingperf
