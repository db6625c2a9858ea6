// What the loops of bulk transfers over byte streams share. The payload is the flow's message again
// and again, so that a receiver knows every byte.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "sockets/transfer.h"

namespace pingperf {

// What is to be sent next: the rest of the message that a short send left.
inline std::span<const char> next_bytes(const Flow& flow) noexcept {
  const std::size_t offset = flow.sent.count() % flow.outgoing.size();
  return {flow.outgoing.data() + offset, flow.outgoing.size() - offset};
}

// Ends a sender's stream; the receiver reads to its end. A limit of bytes is reached when they have
// arrived, not when the kernel has taken them: so the receiver's own end is waited for.
inline void finish_sending(Flow& flow, const Meter& meter) noexcept {
  ::shutdown(flow.fd.get(), SHUT_WR);
  char end;
  while (flow.is_one_way && !meter.closed() && ::recv(flow.fd.get(), &end, 1, 0) > 0) {
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

// A verifying receiver must get the data.
inline std::optional<std::string> stream_objection(const Options& o) {
  if (o.receive == "splice") return "receive: only engine splice can splice; copy or discard";
  if (o.verify.value_or(false) && o.receive && *o.receive != "copy")
    return "verify: data that are not copied to user space cannot be looked at";
  return pace_objection(o);
}

}  // namespace pingperf
