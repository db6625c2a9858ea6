// TCP bulk transfer with io_uring(7): several sends in progress at once, and one multishot receive
// with provided buffers. One thread per stream.
#include <sys/socket.h>

#include "sockets/throughput/io_uring_transfer.h"
#include "sockets/throughput/stream_transfer.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/transport/stream.h"

// Linux 6.2 has these flags; liburing 2.3 does not define them.
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE (1U << 3)
#endif
#ifndef IORING_NOTIF_USAGE_ZC_COPIED
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#endif

namespace pingperf {
namespace {

constexpr std::uint64_t kUsualDepth = 4;
constexpr std::size_t kMinReceive = 256 * 1024;
constexpr std::size_t kMaxBuffers = 16;                    // per stream
constexpr std::size_t kReceiveMemory = 128 * kMinReceive;  // of all streams; at least two each

// The sends of one flow, of which queue_depth can be in progress at once.
class SendRing {
 public:
  SendRing(Flow& flow, const Options& o, FlowGroup& group)
      : flow_(flow),
        group_(group),
        depth_(o.queue_depth.value_or(kUsualDepth)),
        zero_copy_(o.zero_copy.value_or(false)),
        ring_(static_cast<unsigned>(2 * depth_), o.sqpoll.value_or(false)) {
    const int file = flow.fd.get();
    ring_.register_files({&file, 1});
  }

  // Queues the sends that are due, up to the depth. If none is in progress, waits until one is due.
  void fill(const Meter& meter) noexcept {
    while (in_flight_ < depth_ && !is_full()) {
      if (!flow_.pace.is_due() && in_flight_ > 0 && !is_due_now(flow_.pace)) return;
      flow_.pace.wait(meter);
      io_uring_sqe* const sqe = ring_.next();
      if (zero_copy_)
        ::io_uring_prep_send_zc(sqe, 0, flow_.outgoing.data(), flow_.outgoing.size(),
                                MSG_NOSIGNAL | MSG_WAITALL, IORING_SEND_ZC_REPORT_USAGE);
      else
        ::io_uring_prep_send(sqe, 0, flow_.outgoing.data(), flow_.outgoing.size(),
                             MSG_NOSIGNAL | MSG_WAITALL);
      sqe->flags |= IOSQE_FIXED_FILE;
      ++in_flight_;
    }
  }

  bool is_idle() const noexcept { return in_flight_ == 0 && notifications_ == 0; }

  // Submits the queue, waits for completions and handles them.
  void reap(const Meter& meter) noexcept {
    ring_.submit_and_wait();
    ring_.for_each_completion([&](const io_uring_cqe& cqe) {
      if (cqe.flags & IORING_CQE_F_NOTIF) {
        --notifications_;
        ++group_.zero_copy_sends;
        if (static_cast<std::uint32_t>(cqe.res) & IORING_NOTIF_USAGE_ZC_COPIED)
          ++group_.zero_copy_copied;
        return;
      }
      --in_flight_;
      if (cqe.flags & IORING_CQE_F_MORE) ++notifications_;
      if (cqe.res >= 0) return flow_.sent.add(static_cast<std::uint64_t>(cqe.res));
      errno = -cqe.res;
      if (errno != EINTR && errno != EAGAIN) flow_.fail(meter);
    });
  }

 private:
  // Returns true if the sent bytes, with the sends in progress, reach the limit.
  bool is_full() const noexcept {
    return flow_.sent.count() + in_flight_ * flow_.outgoing.size() >=
           flow_.sent.limit.load(std::memory_order_relaxed);
  }

  Flow& flow_;
  FlowGroup& group_;
  const std::uint64_t depth_;
  const bool zero_copy_;
  std::uint64_t in_flight_ = 0;
  std::uint64_t notifications_ = 0;
  Ring ring_;
};

void send_stream(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  SendRing ring(flow, group.options, group);
  group.await_others();
  meter.first_byte();
  send_all(ring, flow, meter);
  finish_sending(flow, meter);
  const bool copied = 2 * group.zero_copy_copied >= group.zero_copy_sends;
  group.copies = copied ? 1 : 0;
}

// Allocates the buffers of a stream. Many streams share kReceiveMemory, because its allocation
// takes time.
ProvidedBuffers receive_buffers(Ring& ring, const Options& o) {
  const std::size_t size = std::max<std::size_t>(whole_lines(*o.message_size), kMinReceive);
  return {ring, std::clamp<std::size_t>(kReceiveMemory / (*o.streams * size), 2, kMaxBuffers),
          size};
}

void receive_stream(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  Ring ring(4, false);
  ProvidedBuffers buffers = receive_buffers(ring, group.options);
  const int file = flow.fd.get();
  ring.register_files({&file, 1});
  group.copies = 1;
  group.await_others();
  queue_receive(ring);
  for (bool over = false, first = true; !over;) {
    ring.submit_and_wait();
    ring.for_each_completion([&](const io_uring_cqe& cqe) {
      if (cqe.flags & IORING_CQE_F_BUFFER)
        buffers.release(static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT));
      const bool again = cqe.res > 0 || cqe.res == -ENOBUFS || cqe.res == -EINTR;
      if (again && !(cqe.flags & IORING_CQE_F_MORE)) queue_receive(ring);
      if (!again) over = true;
      if (cqe.res == 0) finish_receiving(flow);
      if (cqe.res < 0 && !again) {
        errno = -cqe.res;
        flow.fail(meter);
      }
      if (cqe.res <= 0) return;
      if (first) meter.first_byte();
      first = false;
      flow.received.add(static_cast<std::uint64_t>(cqe.res));
    });
  }
}

constexpr TransferOps kOps = {send_stream, receive_stream, kStreams};

}  // namespace

std::span<const Engine> io_uring_throughput() {
  static const std::vector<Engine> engines = [] {
    TransferRow row = {.name = "io_uring",
                       .summary = kIoUringSummary,
                       .transport = Transport::tcp,
                       .ops = kOps,
                       .parameters = {"queue_depth", "sqpoll", "on_off.on", "on_off.off"},
                       .unavailable = io_uring_unavailable};
    std::vector<Engine> all = make_plain_stream_engines(row);
    row.parameters.push_back("zero_copy");
    all.insert(all.begin(), make_transfer_engine(row));
    return all;
  }();
  return engines;
}

}  // namespace pingperf
