// DatagramSink: counts the datagrams of a UDP bulk transfer and handles its marks.
#pragma once

#include <sys/socket.h>

#include <cerrno>

#include "sockets/throughput/transfer.h"
#include "sockets/transport/datagram.h"

namespace pingperf {

// Returns true if a failed send or receive may be repeated. A full device queue drops a datagram
// with ENOBUFS, which does not end the flow.
inline bool is_transient_send(int error) noexcept {
  return error == EINTR || error == ENOBUFS || error == EAGAIN;
}

// The sizes of the datagrams of a flow: all have the size of its message, or those of a mix. of()
// returns the size of datagram `number`, and cost_of() how many units of the flow's Pace it uses.
class EqualSizes {
 public:
  explicit EqualSizes(const Flow& flow) noexcept : flow_(flow) {}
  std::size_t of(std::uint64_t) const noexcept { return flow_.outgoing.size(); }
  std::size_t cost_of(std::uint64_t) const noexcept { return 1; }

 private:
  const Flow& flow_;
};
class MixedSizes {
 public:
  explicit MixedSizes(const Flow& flow) noexcept : sizes_(flow.sizes) {}
  std::size_t of(std::uint64_t number) const noexcept { return sizes_[number % sizes_.size()]; }
  std::size_t cost_of(std::uint64_t number) const noexcept { return of(number); }

 private:
  const std::span<const std::uint32_t> sizes_;
};

// Tells the receiver that the sender of so many datagrams has finished, unless the flow has failed.
inline void finish_datagrams(const Flow& flow, std::uint64_t count) noexcept {
  if (flow.error == 0) send_end(flow.fd.get(), count);
}

// The receiver of one flow.
class DatagramSink {
 public:
  DatagramSink(Flow& flow, Meter& meter, bool verify) noexcept
      : flow_(flow), meter_(meter), verify_(verify) {}

  // Handles a datagram of n bytes that arrived at `now`. `whole`: `data` has all bytes, not only
  // the header. Returns false at the end of the flow: the sender has finished, or the payload is
  // wrong.
  bool take(const char* data, std::size_t n, Nanoseconds now, bool whole) noexcept {
    if (n < kMinDatagram) return true;
    const DatagramHeader header = header_of(data);
    if (header.number >= kEnd) return take_mark(header, data, n);
    if (verify_ && whole && !is_intact(header.number, data, n)) {
      errno = EBADMSG;
      flow_.fail(meter_);
      return false;
    }
    count(header.number, header.value, n, now);
    return true;
  }

  Flow& flow() const noexcept { return flow_; }

  // Counts a datagram with this header.
  void count(std::uint64_t number, Nanoseconds sent, std::size_t n, Nanoseconds now) noexcept {
    if (first_) meter_.first_byte();
    first_ = false;
    if (flow_.sequence.received(number, sent, now)) flow_.received.add(n);
  }

 private:
  // Not inline, so that take() stays small enough to be inlined.
  [[gnu::noinline]] bool is_intact(std::uint64_t number, const char* data,
                                   std::size_t n) const noexcept {
    const bool equal = flow_.sizes.empty();
    return n == (equal ? EqualSizes(flow_).of(number) : MixedSizes(flow_).of(number)) &&
           std::memcmp(data + kMinDatagram, flow_.outgoing.data() + kMinDatagram,
                       n - kMinDatagram) == 0;
  }

  bool take_mark(const DatagramHeader& header, const char* data, std::size_t n) noexcept {
    if (header.number == kHello) {  // the first answer was lost
      if (flow_.is_server) ::send(flow_.fd.get(), data, std::min(n, sizeof(Hello)), MSG_NOSIGNAL);
      return true;
    }
    flow_.sequence.expect(static_cast<std::uint64_t>(header.value));
    return false;
  }

  Flow& flow_;
  Meter& meter_;
  const bool verify_;
  bool first_ = true;
};

}  // namespace pingperf
