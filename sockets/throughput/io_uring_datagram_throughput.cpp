// UDP bulk transfer with io_uring(7): several sends in progress at once, and one multishot receive
// with provided buffers. One thread per stream.
#include <sys/socket.h>

#include "sockets/throughput/datagram_transfer.h"
#include "sockets/throughput/io_uring_transfer.h"
#include "sockets/throughput/transfer_engines.h"

namespace pingperf {
namespace {

constexpr std::uint64_t kUsualDepth = 32;
constexpr std::size_t kReceiveBuffers = 512;

// The sends of one flow, of which queue_depth can be in progress at once. Each has a datagram of
// its own, because its number must not change before the kernel has read it.
template <typename Sizes>
class DatagramRing {
 public:
  DatagramRing(Flow& flow, const Options& o)
      : flow_(flow),
        sizes_(flow),
        stride_(whole_lines(flow.outgoing.size())),
        depth_(o.queue_depth.value_or(kUsualDepth)),
        memory_(depth_ * stride_),
        ring_(static_cast<unsigned>(depth_), o.sqpoll.value_or(false)) {
    const int file = flow.fd.get();
    ring_.register_files({&file, 1});
    for (std::size_t i = 0; i < depth_; ++i) {
      std::copy(flow.outgoing.begin(), flow.outgoing.end(), datagram(i));
      free_.push_back(i);
    }
  }

  // Queues the datagrams that are due, up to the depth. If none is in progress, waits until one is
  // due.
  void fill(const Meter& meter) noexcept {
    Nanoseconds now = now_ns();
    while (!free_.empty() && !is_full()) {
      if (!flow_.pace.is_due() && !is_idle() && !is_due_now(flow_.pace)) return;
      const bool waits = !flow_.pace.is_due();
      flow_.pace.wait(meter, sizes_.cost_of(number_));
      if (waits) now = now_ns();
      handed_ += sizes_.of(number_);
      set_header(datagram(free_.back()), {number_++, now});
      submit(free_.back());
      free_.pop_back();
    }
  }

  bool is_idle() const noexcept { return free_.size() == depth_; }

  // Submits the queue, waits for completions and handles them.
  void reap(const Meter& meter) noexcept {
    ring_.submit_and_wait();
    ring_.for_each_completion([&](const io_uring_cqe& cqe) {
      const auto slot = static_cast<std::size_t>(cqe.user_data);
      if (cqe.res < 0 && is_transient_send(-cqe.res) && !meter.stopped()) return submit(slot);
      free_.push_back(slot);
      if (cqe.res >= 0) return flow_.sent.add(static_cast<std::uint64_t>(cqe.res));
      errno = -cqe.res;
      flow_.fail(meter);
    });
  }

  // Returns the number of datagrams that were handed to the kernel.
  std::uint64_t count() const noexcept { return number_; }

 private:
  char* datagram(std::size_t slot) noexcept { return memory_.data() + slot * stride_; }

  void submit(std::size_t slot) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    const char* const data = datagram(slot);
    ::io_uring_prep_send(sqe, 0, data, sizes_.of(header_of(data).number), MSG_NOSIGNAL);
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe->user_data = slot;
  }

  // Returns true if the sent bytes, with the sends in progress, reach the limit.
  bool is_full() const noexcept {
    return handed_ >= flow_.sent.limit.load(std::memory_order_relaxed);
  }

  Flow& flow_;
  const Sizes sizes_;
  const std::size_t stride_;
  const std::uint64_t depth_;
  PageBytes memory_;
  std::vector<std::size_t> free_;  // datagrams that are not in progress
  std::uint64_t number_ = 0;
  std::uint64_t handed_ = 0;  // bytes of the datagrams that were handed to the kernel
  Ring ring_;
};

template <typename Sizes>
void send_datagrams(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  DatagramRing<Sizes> ring(flow, group.options);
  group.copies = 1;
  group.await_others();
  meter.first_byte();
  send_all(ring, flow, meter);
  finish_datagrams(flow, ring.count());
}

void send(FlowGroup& group, Meter& meter) {
  group.options.size_mix ? send_datagrams<MixedSizes>(group, meter)
                         : send_datagrams<EqualSizes>(group, meter);
}

void receive_datagrams(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  Ring ring(2 * kReceiveBuffers, false);
  ProvidedBuffers buffers(ring, kReceiveBuffers, whole_lines(flow.incoming.size()));
  const int file = flow.fd.get();
  ring.register_files({&file, 1});
  DatagramSink sink(flow, meter, group.options.verify.value_or(false));
  group.copies = 1;
  group.await_others();
  queue_receive(ring);
  for (bool over = false; !over && !meter.stopped();) {
    ring.submit_and_wait(kStopCheck);  // stop() does not end a multishot receive of datagrams
    ring.for_each_completion([&](const io_uring_cqe& cqe) {
      const bool again = cqe.res >= 0 || is_transient_send(-cqe.res);
      if (again && !(cqe.flags & IORING_CQE_F_MORE)) queue_receive(ring);
      if (!again) {
        errno = -cqe.res;
        flow.fail(meter);
        over = true;
      }
      if (!(cqe.flags & IORING_CQE_F_BUFFER)) return;
      const auto id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
      if (!over && !sink.take(buffers.data(id), static_cast<std::size_t>(cqe.res), now_ns(), true))
        over = true;
      buffers.release(id);
    });
  }
  ring.exit();  // before the buffers are freed
}

constexpr TransferOps kOps = {send, receive_datagrams, kDatagrams};

}  // namespace

const Engine& io_uring_udp_throughput() {
  static const Engine engine = make_transfer_engine(
      {.name = "io_uring",
       .summary = kIoUringSummary,
       .transport = Transport::udp,
       .ops = kOps,
       .parameters = {"queue_depth", "sqpoll", "verify", "size_mix", "on_off.on", "on_off.off"},
       .unavailable = io_uring_unavailable});
  return engine;
}

}  // namespace pingperf
