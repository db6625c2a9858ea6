// Isochronous frames, as those of a video: a frame is due every frame.every, and its messages are
// sent at once. Each frame carries the time at which it was due, so a receiver with the same clock
// knows how late it is.
#pragma once

#include <array>
#include <cstdint>

#include "sockets/throughput/transfer.h"

namespace pingperf {

// The measured window of an end, in the end's clock.
struct FrameWindow {
  Nanoseconds open = 0;
  Nanoseconds close = 0;

  bool contains(Nanoseconds time) const noexcept { return open <= time && time < close; }
};

// The frames of a sender. A frame is dropped if it could not be started before its deadline,
// because an earlier one was still blocked.
class FrameSchedule {
 public:
  // The first frame is due at `first`.
  FrameSchedule(const Options& options, Nanoseconds first, FrameWindow window) noexcept;

  // Returns the time at which the next frame is due.
  Nanoseconds due() const noexcept { return due_; }
  // Drops the frames whose deadline has passed at `now`. Returns false if no more frames are due
  // before the window closes.
  bool drop_expired(Nanoseconds now) noexcept;
  // Advances to the next frame, because this one was sent.
  void advance() noexcept;
  // Returns the frames that were due in the window, and those of them that were dropped.
  FrameCounts counts() const noexcept;

 private:
  const Nanoseconds every_;
  const Nanoseconds deadline_;
  const FrameWindow window_;
  Nanoseconds due_;
  std::uint64_t frames_ = 0;
  std::uint64_t dropped_ = 0;
};

// The counts of a receiver: of the frames that were due in the sender's window.
class ReceivedFrames {
 public:
  explicit ReceivedFrames(const Options& options);

  // Sets the time at which the first frame was due, if it is not set.
  void start(Nanoseconds first_due) noexcept;
  // Returns true if a frame that was due at `due` counts.
  bool in_window(Nanoseconds due) const noexcept {
    return window_.contains(difference(due, first_due_));
  }
  // Counts a frame that was due at `due` and became whole at `now`.
  void count_whole(Nanoseconds due, Nanoseconds now) noexcept;
  void count_dropped(std::uint64_t frames) noexcept { dropped_ += frames; }
  FrameCounts counts() const;

 private:
  const Nanoseconds deadline_;
  const FrameWindow window_;  // since the first frame was due
  Nanoseconds first_due_ = 0;
  bool started_ = false;
  std::uint64_t late_ = 0;
  std::uint64_t dropped_ = 0;
  Histogram times_;
};

// Finds the frames in a stream of bytes: each has frame.bytes, of which the first 8 are its due
// time.
class FrameStream {
 public:
  FrameStream(const Options& options, ReceivedFrames& frames) noexcept
      : bytes_(*options.frame_bytes), frames_(frames) {}

  // Handles the next n bytes, which arrived at `now`.
  void take(const char* data, std::size_t n, Nanoseconds now) noexcept;
  // Counts a frame that is not whole at the end of the stream.
  void end() noexcept;

 private:
  const std::size_t bytes_;
  ReceivedFrames& frames_;
  std::size_t position_ = 0;  // in the current frame
  Nanoseconds due_ = 0;
};

// Assembles frames from numbered datagrams, of which every frame has the same number. Waits for the
// datagrams of the last kOpen frames.
class FrameAssembly {
 public:
  FrameAssembly(const Options& options, ReceivedFrames& frames) noexcept;

  // Handles a datagram that is no duplicate.
  void take(std::uint64_t number, Nanoseconds due, Nanoseconds now) noexcept;
  // Counts the frames that are not whole. The sender has sent so many datagrams.
  void end(std::uint64_t datagrams) noexcept;

 private:
  static constexpr std::size_t kOpen = 64;

  struct Frame {
    std::uint64_t received = 0;  // datagrams
    bool counts = false;         // the frame was due in the window
  };

  // Returns `frames` times frame.every. Wraps on overflow, because a peer can send any number.
  Nanoseconds times(std::uint64_t frames) const noexcept {
    return static_cast<Nanoseconds>(frames * static_cast<std::uint64_t>(every_));
  }
  void open_until(std::uint64_t end, Nanoseconds due) noexcept;
  void close(Frame& frame) noexcept;

  const std::uint64_t datagrams_;  // of a frame
  const Nanoseconds every_;
  ReceivedFrames& frames_;
  Nanoseconds due_ = 0;     // of the last frame that is open
  std::uint64_t next_ = 0;  // the first frame that is not open yet
  std::array<Frame, kOpen> open_{};
};

// Returns the smallest size of a datagram of a frame: its header and the time at which it was due.
inline constexpr std::size_t kMinFrameDatagram = 16 + sizeof(Nanoseconds);

// The loops of blocking calls, as TransferLoop.
void send_stream_frames(FlowGroup& group, Meter& meter);
void receive_stream_frames(FlowGroup& group, Meter& meter);
void send_datagram_frames(FlowGroup& group, Meter& meter);
void receive_datagram_frames(FlowGroup& group, Meter& meter);

}  // namespace pingperf
