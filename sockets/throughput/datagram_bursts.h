// UDP bulk transfer with many datagrams per system call: sendmmsg(2) and recvmmsg(2) (batch),
// UDP_SEGMENT (gso) and UDP_GRO (gro); udp(7). With receive: discard the receiver copies only the
// first header of a message.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <vector>

#include "sockets/throughput/coalescing.h"
#include "sockets/throughput/datagram_transfer.h"

namespace pingperf {

// Sends the datagrams of one flow in bursts: the messages of one sendmmsg(2). With gso a message
// contains several datagrams.
class BurstSender {
 public:
  // Throws std::system_error if the kernel has no UDP_SEGMENT.
  BurstSender(Flow& flow, const Options& options);

  Flow& flow() const noexcept { return flow_; }
  // Returns what the next burst costs of the flow's Pace: its datagrams, or the bytes of a mix. The
  // last burst before the limit is shorter.
  std::size_t next_cost() const noexcept;
  // Numbers, stamps and sends the next burst. Returns what the datagrams cost that the kernel
  // accepted, or -1 with errno on an error that is not transient.
  ssize_t send(int flags) noexcept;
  // Sends the end of the flow.
  void finish() noexcept;

 private:
  // The next burst of a mix.
  struct Mixed {
    std::size_t count = 0;
    std::size_t bytes = 0;
  };

  char* datagram(std::size_t i) noexcept { return memory_.data() + i * size_; }
  std::size_t next_count() const noexcept;
  Mixed next_mixed() const noexcept;
  ssize_t send_mixed(int flags) noexcept;

  Flow& flow_;
  const bool gso_;
  const std::size_t size_, segments_, messages_;
  std::uint64_t number_ = 0;
  PageBytes memory_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> headers_;
};

// Receives the messages of one flow with recvmmsg(2).
class BurstReceiver {
 public:
  // Counts what it receives in `coalescing`, too. Throws std::system_error if the kernel has no
  // UDP_GRO.
  BurstReceiver(Flow& flow, const Options& options, Meter& meter, Coalescing& coalescing);

  Flow& flow() const noexcept { return sink_.flow(); }
  // Calls recvmmsg(2) with `flags`. Returns the number of messages, or -1 with errno.
  int receive(int flags) noexcept;
  // Counts the datagrams of the last receive(). Returns false at the end of the flow.
  bool count(int messages) noexcept;

 private:
  // The control data of a message.
  struct Control {
    Nanoseconds arrival = 0;  // on CLOCK_REALTIME
    std::size_t segment = 0;  // size of the datagrams that UDP_GRO has coalesced; 0: one datagram
  };
  struct ControlBuffer {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(int))];
  };

  char* data(std::size_t i) noexcept { return memory_.data() + i * room_; }
  Control control(std::size_t i) noexcept;
  bool take_apart(std::size_t i) noexcept;

  DatagramSink sink_;
  Coalescing& coalescing_;
  const bool discard_;
  const std::size_t room_;
  PageBytes memory_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> headers_;
  std::vector<ControlBuffer> controls_;
};

// The two loops of blocking calls, as TransferLoop.
void send_bursts(FlowGroup& group, Meter& meter);
void receive_bursts(FlowGroup& group, Meter& meter);

}  // namespace pingperf
