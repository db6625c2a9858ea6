// What the loops of bulk transfers over byte streams share. The payload is the flow's message again
// and again, so that a receiver knows every byte.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "sockets/throughput/transfer.h"

namespace pingperf {

// What is to be sent next: the rest of the message that a short send left.
inline std::span<const char> next_bytes(const Flow& flow) noexcept {
  const std::size_t offset = flow.sent.count() % flow.outgoing.size();
  return {flow.outgoing.data() + offset, flow.outgoing.size() - offset};
}

// True at the start, and when no send has left a message half done.
inline bool is_between_messages(const Flow& flow) noexcept {
  return flow.sent.count() % flow.outgoing.size() == 0;
}

// Waits until the next message of a paced flow is due; the rest of one follows at once.
inline void await_turn(Flow& flow, const Meter& meter) noexcept {
  if (flow.pace.paced() && is_between_messages(flow)) flow.pace.wait(meter);
}

// Ends a sender's stream; the receiver reads to its end. A limit of bytes is reached when they have
// arrived, not when the kernel has taken them: so the receiver's own end is waited for.
inline void finish_sending(Flow& flow, const Meter& meter) noexcept {
  ::shutdown(flow.fd.get(), SHUT_WR);
  char end;
  while (flow.is_one_way && !meter.window_closed() && ::recv(flow.fd.get(), &end, 1, 0) > 0) {
  }
}

// Tells the sender that we have it all.
inline void finish_receiving(Flow& flow) noexcept {
  if (flow.is_one_way) ::shutdown(flow.fd.get(), SHUT_WR);
}

// What recv() gets: MSG_TRUNC has TCP drop the data in the kernel (tcp(7)).
inline int receive_flags(const Options& options) noexcept {
  return options.receive == "discard" ? MSG_TRUNC : 0;
}

// True when the n bytes at `data`, the next of the flow, are those that its sender sends.
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

// Reads the stream of the group's flow to its end with blocking calls: `take` gets the next bytes
// as recv(2) does.
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

// The plain way: recv(2).
inline void receive_stream(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const int flags = receive_flags(group.options);
  group.copies = flags == 0 ? 1 : 0;
  receive_with(
      [&] { return ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), flags); },
      group, meter);
}

}  // namespace pingperf
