// Common parts of the loops of bulk transfers with io_uring(7).
#pragma once

#include "sockets/core/uring.h"
#include "sockets/throughput/transfer.h"

namespace pingperf {

// Sends until the window closes, the limit is reached or the flow fails. Then waits for the sends
// in progress. `Sends` has the members fill(meter), reap(meter) and is_idle().
template <typename Sends>
void send_all(Sends& sends, const Flow& flow, const Meter& meter) noexcept {
  while (!meter.window_closed() && !flow.sent.full() && flow.error == 0) {
    sends.fill(meter);
    if (sends.is_idle()) break;
    sends.reap(meter);
  }
  while (!sends.is_idle() && !meter.stopped() && flow.error == 0) sends.reap(meter);
}

// Returns true if the next message of a flow is due after an update of the schedule, if it is time
// for one. So a sender with sends in progress does not sleep for the update. Not inline, so that
// the loop of a sender without a schedule stays small.
[[gnu::noinline]] inline bool is_due_now(Pace& pace) noexcept {
  const Nanoseconds now = now_ns();
  return pace.next_update() <= now && pace.update(now);
}

// Queues a multishot receive from the first registered file into the provided buffers.
inline void queue_receive(Ring& ring) noexcept {
  io_uring_sqe* const sqe = ring.next();
  ::io_uring_prep_recv_multishot(sqe, 0, nullptr, 0, 0);
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  sqe->buf_group = ProvidedBuffers::kGroup;
}

}  // namespace pingperf
