// Bulk transfer over frames. The loops are templates over a port: PacketSocket, PacketRing,
// XdpSocket. Frames have a number and a time behind their mark, so that the receiver counts lost
// ones.
#pragma once

#include "sockets/ethernet/frame_path.h"
#include "sockets/throughput/datagram_transfer.h"

namespace pingperf {

// One end of a transfer: its flow with its port.
template <typename Port>
class FrameFlow {
 public:
  // The client opens the path, the server's sender waits until the client has done so. Throws as
  // Port and open_path().
  FrameFlow(FlowGroup& group, Meter& meter)
      : flow_(*group.flows.front()),
        meter_(meter),
        port_(flow_.fd.get(), group.options, start()),
        sink_(flow_, meter, false),
        verify_(group.options.verify.value_or(false)) {
    if (!flow_.is_server) open_path(port_, start(), meter);
  }

  // Sends frames until the window has closed.
  template <Wait wait>
  void send() noexcept {
    if (flow_.is_server && !await_hello<wait>()) return;
    meter_.first_byte();
    while (!meter_.window_closed() && !flow_.sent.full()) {
      if (flow_.pace.paced()) await_turn();
      if (!put({number_, now_ns()}, flow_.outgoing.size())) return flow_.fail(meter_);
      ++number_;
      flow_.sent.add(flow_.outgoing.size());
      if (number_ % kBatch == 0 && !port_.flush()) return flow_.fail(meter_);
    }
    finish();
  }

  // Receives until the sender has finished.
  template <Wait wait>
  void receive() noexcept {
    while (!meter_.stopped()) {
      const std::span<char> frame = port_.template receive<wait>();
      if (frame.empty()) {
        if (is_transient_send(errno)) continue;
        return flow_.fail(meter_);
      }
      const bool more = take(frame);
      port_.release();
      if (!more) return;
    }
  }

 private:
  static constexpr std::uint64_t kBatch = 32;  // frames that one system call sends

  FrameStart start() const noexcept {
    return std::span<const char>(flow_.outgoing).first<kFrameMark>();
  }

  // Sends the end three times, each after the receiver has had time to empty its queue.
  void finish() noexcept {
    constexpr auto kPause = std::chrono::milliseconds(2);
    port_.flush();
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(kPause);
      put({kEnd, static_cast<std::int64_t>(number_)}, kMinFrame);
      port_.flush();
    }
  }

  // Sends the queued frames before the sender sleeps.
  void await_turn() noexcept {
    if (!flow_.pace.is_due()) port_.flush();
    flow_.pace.wait(meter_);
  }

  // Queues a frame of `size` bytes, if need be after the kernel has sent others. Returns false with
  // errno on an error.
  bool put(DatagramHeader header, std::size_t size) noexcept {
    set_header(flow_.outgoing.data() + kFrameMark, header);
    while (!port_.put({flow_.outgoing.data(), size})) {
      if (!is_transient_send(errno)) return false;
      if (meter_.stopped()) return true;
      if (!port_.flush()) return false;
      port_.make_room();
    }
    return true;
  }

  // Returns false if the meter was stopped before.
  template <Wait wait>
  bool await_hello() noexcept {
    while (!meter_.stopped()) {
      const std::span<char> frame = port_.template receive<wait>();
      if (frame.empty()) continue;
      const bool is_open = is_hello_frame(frame);
      if (is_open) answer(frame);
      port_.release();
      if (is_open) return true;
    }
    return false;
  }

  void answer(std::span<const char> hello) noexcept {
    set_destination(flow_.outgoing, hello);
    put({kHello, 0}, kMinFrame);
    port_.flush();
  }

  // Returns false at the end of the flow: the sender has finished, or the payload is wrong.
  bool take(std::span<const char> frame) noexcept {
    if (frame.size() < kMinFrame) return true;
    const DatagramHeader header = header_of(frame.data() + kFrameMark);
    if (header.number == kHello) {
      if (flow_.is_server) answer(frame);
      return true;
    }
    if (header.number == kEnd) {
      flow_.sequence.expect(static_cast<std::uint64_t>(header.value));
      return false;
    }
    if (verify_ && !is_intact(frame)) {
      errno = EBADMSG;
      flow_.fail(meter_);
      return false;
    }
    sink_.count(header.number, header.value, frame.size(), now_ns());
    return true;
  }

  bool is_intact(std::span<const char> frame) const noexcept {
    constexpr std::size_t kHead = kFrameMark + kMinDatagram;
    return frame.size() == flow_.outgoing.size() &&
           std::memcmp(frame.data() + kHead, flow_.outgoing.data() + kHead, frame.size() - kHead) ==
               0;
  }

  Flow& flow_;
  Meter& meter_;
  Port port_;
  DatagramSink sink_;
  const bool verify_;
  std::uint64_t number_ = 0;
};

// The loops of an engine.
template <typename Port>
void send_frames(FlowGroup& group, Meter& meter) {
  group.copies = 1;
  FrameFlow<Port> flow(group, meter);
  group.await_others();
  group.options.wait == "spin" ? flow.template send<Wait::spin>()
                               : flow.template send<Wait::block>();
}

template <typename Port>
void receive_frames(FlowGroup& group, Meter& meter) {
  group.copies = 1;
  FrameFlow<Port> flow(group, meter);
  group.await_others();
  group.options.wait == "spin" ? flow.template receive<Wait::spin>()
                               : flow.template receive<Wait::block>();
}

}  // namespace pingperf
