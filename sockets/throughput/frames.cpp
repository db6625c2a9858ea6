#include "sockets/throughput/frames.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "sockets/throughput/datagram_transfer.h"
#include "sockets/throughput/stream_transfer.h"

namespace pingperf {
namespace {

Nanoseconds deadline_of(const Options& o) {
  return o.frame_deadline.value_or(*o.frame_every);
}

// Sleeps until the next frame is due. Returns false if there is none.
bool wait_for_frame(FrameSchedule& schedule, const Meter& meter) noexcept {
  for (;;) {
    const Nanoseconds now = now_ns();
    if (!schedule.drop_expired(now) || meter.stopped()) return false;
    if (schedule.due() <= now) return true;
    const Nanoseconds next = std::min(schedule.due(), now + kStopCheck);
    const timespec until{next / kSecond, next % kSecond};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
}

// Waits for the end of the window, which includes the time after its last frame.
void await_close(const Meter& meter) noexcept {
  constexpr timespec nap{0, kMillisecond};
  while (!meter.window_closed() && !meter.stopped()) ::nanosleep(&nap, nullptr);
}

// Sends the frames of a flow. send(due) sends one; it returns false if the flow has failed.
template <typename Send>
void send_frames(FlowGroup& group, Meter& meter, Send send) {
  group.copies = 1;
  group.await_others();
  const Nanoseconds first = meter.first_byte();
  FrameSchedule schedule(group.options, first, {meter.open_after(first), meter.close_after(first)});
  bool is_well = true;
  while (is_well && wait_for_frame(schedule, meter)) {
    is_well = send(schedule.due());
    if (is_well) schedule.advance();
  }
  if (is_well) await_close(meter);
  group.frames = schedule.counts();
}

// Sends a frame in messages. Returns false with the error of the flow.
bool send_stream_frame(Flow& flow, const PageBytes& frame, const Meter& meter) noexcept {
  for (std::size_t done = 0; done < frame.size();) {
    const std::size_t size = std::min(flow.outgoing.size(), frame.size() - done);
    const ssize_t n = ::send(flow.fd.get(), frame.data() + done, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      flow.fail(meter);
      return false;
    }
    flow.sent.add(static_cast<std::uint64_t>(n));
    done += static_cast<std::size_t>(n);
  }
  return true;
}

// Sends a frame in datagrams, the first of which has `number`. Returns false with the error of the
// flow.
bool send_datagram_frame(Flow& flow, std::size_t left, std::uint64_t& number,
                         const Meter& meter) noexcept {
  while (left > 0) {
    const std::size_t size = std::min(left, flow.outgoing.size());
    set_header(flow.outgoing.data(), {number, now_ns()});
    const ssize_t n = ::send(flow.fd.get(), flow.outgoing.data(), size, MSG_NOSIGNAL);
    if (n < 0 && is_transient_send(errno) && !meter.stopped()) continue;
    if (n < 0) {
      flow.fail(meter);
      return false;
    }
    ++number;
    flow.sent.add(static_cast<std::uint64_t>(n));
    left -= size;
  }
  return true;
}

}  // namespace

FrameSchedule::FrameSchedule(const Options& o, Nanoseconds first, FrameWindow window) noexcept
    : every_(*o.frame_every), deadline_(deadline_of(o)), window_(window), due_(first) {}

bool FrameSchedule::drop_expired(Nanoseconds now) noexcept {
  while (due_ < window_.close && now - due_ >= deadline_) {
    if (window_.contains(due_)) ++dropped_;
    advance();
  }
  return due_ < window_.close;
}

void FrameSchedule::advance() noexcept {
  if (window_.contains(due_)) ++frames_;
  due_ += every_;
}

FrameCounts FrameSchedule::counts() const noexcept {
  FrameCounts counts;
  counts.due = frames_;
  counts.dropped = dropped_;
  return counts;
}

ReceivedFrames::ReceivedFrames(const Options& o)
    : deadline_(deadline_of(o)),
      window_{o.warmup.value_or(0), o.warmup.value_or(0) + o.duration.value()} {}

void ReceivedFrames::start(Nanoseconds first_due) noexcept {
  if (!std::exchange(started_, true)) first_due_ = first_due;
}

void ReceivedFrames::count_whole(Nanoseconds due, Nanoseconds now) noexcept {
  const Nanoseconds time = difference(now, due);
  times_.record(time);
  if (time > deadline_) ++late_;
}

FrameCounts ReceivedFrames::counts() const {
  FrameCounts counts;
  counts.late = late_;
  counts.dropped = dropped_;
  counts.times = times_;
  return counts;
}

void FrameStream::take(const char* data, std::size_t n, Nanoseconds now) noexcept {
  while (n > 0) {
    const std::size_t part = std::min(n, bytes_ - position_);
    if (position_ < sizeof due_)
      std::memcpy(reinterpret_cast<char*>(&due_) + position_, data,
                  std::min(part, sizeof due_ - position_));
    position_ += part;
    data += part;
    n -= part;
    if (position_ < bytes_) return;
    position_ = 0;
    frames_.start(due_);
    if (frames_.in_window(due_)) frames_.count_whole(due_, now);
  }
}

void FrameStream::end() noexcept {
  if (position_ >= sizeof due_ && frames_.in_window(due_)) frames_.count_dropped(1);
}

FrameAssembly::FrameAssembly(const Options& o, ReceivedFrames& frames) noexcept
    : datagrams_((*o.frame_bytes + *o.message_size - 1) / *o.message_size),
      every_(*o.frame_every),
      frames_(frames) {}

void FrameAssembly::take(std::uint64_t number, Nanoseconds due, Nanoseconds now) noexcept {
  const std::uint64_t id = number / datagrams_;
  frames_.start(difference(due, times(id)));  // the first frame may be lost
  if (id >= next_) {
    open_until(id + 1, due);
    due_ = due;
  }
  if (next_ - id > kOpen) return;  // too late: the frame is closed
  Frame& frame = open_[id % kOpen];
  if (++frame.received == datagrams_ && frame.counts) frames_.count_whole(due, now);
}

void FrameAssembly::end(std::uint64_t datagrams) noexcept {
  const std::uint64_t end = datagrams / datagrams_;
  if (end > next_) open_until(end, difference(due_, times(next_ - end)));
  for (Frame& frame : open_) close(frame);
}

// Opens all frames before `end`, of which the last was due at `due`. When frames without any
// datagram were due is estimated. If more than kOpen are opened, the first are dropped.
void FrameAssembly::open_until(std::uint64_t end, Nanoseconds due) noexcept {
  if (end > next_ + kOpen) {
    if (frames_.in_window(due)) frames_.count_dropped(end - next_ - kOpen);
    for (Frame& frame : open_) close(frame);
    next_ = end - kOpen;
  }
  for (; next_ < end; ++next_) {
    Frame& frame = open_[next_ % kOpen];
    close(frame);
    frame = {0, frames_.in_window(difference(due, times(end - 1 - next_)))};
  }
}

void FrameAssembly::close(Frame& frame) noexcept {
  if (frame.counts && frame.received < datagrams_) frames_.count_dropped(1);
  frame = {};
}

void send_stream_frames(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  PageBytes frame(*group.options.frame_bytes);
  for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = flow.outgoing[i % flow.outgoing.size()];
  send_frames(group, meter, [&](Nanoseconds due) {
    std::memcpy(frame.data(), &due, sizeof due);
    return send_stream_frame(flow, frame, meter);
  });
  finish_sending(flow, meter);
}

void receive_stream_frames(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  ReceivedFrames frames(group.options);
  FrameStream stream(group.options, frames);
  group.copies = 1;
  receive_with(
      [&] {
        const ssize_t n = ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), 0);
        if (n > 0) stream.take(flow.incoming.data(), static_cast<std::size_t>(n), now_ns());
        return n;
      },
      group, meter);
  stream.end();
  group.frames = frames.counts();
}

void send_datagram_frames(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  std::uint64_t number = 0;
  send_frames(group, meter, [&](Nanoseconds due) {
    std::memcpy(flow.outgoing.data() + kMinDatagram, &due, sizeof due);
    return send_datagram_frame(flow, *group.options.frame_bytes, number, meter);
  });
  finish_datagrams(flow, number);
}

void receive_datagram_frames(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  DatagramSink sink(flow, meter, false);
  ReceivedFrames frames(group.options);
  FrameAssembly assembly(group.options, frames);
  group.copies = 1;
  group.await_others();
  while (!meter.stopped()) {
    const ssize_t n = ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), 0);
    if (n < 0 && is_transient_send(errno)) continue;
    if (n < 0) {
      flow.fail(meter);
      break;
    }
    const Nanoseconds now = now_ns();
    const std::uint64_t before = flow.sequence.distinct();
    if (!sink.take(flow.incoming.data(), static_cast<std::size_t>(n), now, true)) break;
    if (flow.sequence.distinct() == before) continue;  // a mark or a duplicate
    Nanoseconds due;
    std::memcpy(&due, flow.incoming.data() + kMinDatagram, sizeof due);
    assembly.take(header_of(flow.incoming.data()).number, due, now);
  }
  assembly.end(flow.sequence.expected());
  group.frames = frames.counts();
}

}  // namespace pingperf
