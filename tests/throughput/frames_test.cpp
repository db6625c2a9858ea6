// The frames of a sender and a receiver at simulated times.
#include "sockets/throughput/frames.h"

#include <gtest/gtest.h>

#include <cstring>

namespace pingperf {
namespace {

constexpr Nanoseconds kFirstDue = 1000 * kSecond;
constexpr FrameWindow kAlways{0, 2 * kFirstDue};

Options frame_options() {
  Options o;
  o.message_size = 1000;
  o.frame_every = 10 * kMillisecond;
  o.frame_bytes = 2500;
  o.frame_deadline = 4 * kMillisecond;
  o.duration = 60 * kSecond;
  return o;
}

// ---- The sender

TEST(FrameSchedule, AFrameIsDueEachInterval) {
  FrameSchedule schedule(frame_options(), kFirstDue, kAlways);
  for (int k = 0; k < 5; ++k) {
    EXPECT_TRUE(schedule.drop_expired(kFirstDue + k * 10 * kMillisecond));
    EXPECT_EQ(schedule.due(), kFirstDue + k * 10 * kMillisecond);
    schedule.advance();
  }
  EXPECT_EQ(schedule.counts().due, 5u);
  EXPECT_EQ(schedule.counts().dropped, 0u);
}

TEST(FrameSchedule, AFrameThatCanStartBeforeItsDeadlineIsSent) {
  FrameSchedule schedule(frame_options(), kFirstDue, kAlways);
  schedule.drop_expired(kFirstDue + 4 * kMillisecond - 1);
  EXPECT_EQ(schedule.due(), kFirstDue);
}

TEST(FrameSchedule, FramesWhoseDeadlineHasPassedAreDropped) {
  FrameSchedule schedule(frame_options(), kFirstDue, kAlways);
  schedule.drop_expired(kFirstDue + 24 * kMillisecond);  // of the frames due at 0, 10 and 20 ms
  EXPECT_EQ(schedule.due(), kFirstDue + 30 * kMillisecond);
  EXPECT_EQ(schedule.counts().due, 3u);
  EXPECT_EQ(schedule.counts().dropped, 3u);
}

TEST(FrameSchedule, CountsTheFramesThatAreDueInTheWindow) {
  const FrameWindow window{kFirstDue + 20 * kMillisecond, kFirstDue + 50 * kMillisecond};
  FrameSchedule schedule(frame_options(), kFirstDue, window);
  while (schedule.drop_expired(schedule.due())) schedule.advance();
  EXPECT_EQ(schedule.due(), window.close);
  EXPECT_EQ(schedule.counts().due, 3u);  // at 20, 30 and 40 ms
}

TEST(FrameSchedule, FramesThatABlockedSenderNeverSentAreDropped) {
  const FrameWindow window{kFirstDue, kFirstDue + 50 * kMillisecond};
  FrameSchedule schedule(frame_options(), kFirstDue, window);
  schedule.drop_expired(kFirstDue);
  schedule.advance();
  EXPECT_FALSE(schedule.drop_expired(kFirstDue + kSecond));
  EXPECT_EQ(schedule.counts().due, 5u);
  EXPECT_EQ(schedule.counts().dropped, 4u);
}

TEST(FrameSchedule, WithoutADeadlineItIsTheInterval) {
  Options options = frame_options();
  options.frame_deadline.reset();
  FrameSchedule schedule(options, kFirstDue, kAlways);
  schedule.drop_expired(kFirstDue + 10 * kMillisecond - 1);
  EXPECT_EQ(schedule.due(), kFirstDue);
  schedule.drop_expired(kFirstDue + 10 * kMillisecond);
  EXPECT_EQ(schedule.due(), kFirstDue + 10 * kMillisecond);
}

// ---- The receiver

class FramesTest : public testing::Test {
 protected:
  std::uint64_t whole() const { return frames_.counts().times->count(); }
  std::uint64_t late() const { return *frames_.counts().late; }
  std::uint64_t dropped() const { return frames_.counts().dropped; }

  const Options options_ = frame_options();
  ReceivedFrames frames_{options_};
};

TEST_F(FramesTest, AFrameAfterItsDeadlineIsLate) {
  frames_.count_whole(kFirstDue, kFirstDue + 4 * kMillisecond);
  EXPECT_EQ(late(), 0u);
  frames_.count_whole(kFirstDue, kFirstDue + 4 * kMillisecond + 1);
  EXPECT_EQ(late(), 1u);
  EXPECT_EQ(whole(), 2u);
  EXPECT_EQ(frames_.counts().times->min(), 4 * kMillisecond);
}

// Returns a frame of a stream.
std::string stream_frame(Nanoseconds due) {
  std::string frame(2500, 'x');
  std::memcpy(frame.data(), &due, sizeof due);
  return frame;
}

TEST_F(FramesTest, AStreamIsCutIntoFrames) {
  for (const std::size_t piece : {1, 7, 1000, 2500, 6000}) {
    SCOPED_TRACE(piece);
    ReceivedFrames frames(options_);
    FrameStream stream(options_, frames);
    std::string bytes;
    for (int k = 0; k < 4; ++k) bytes += stream_frame(kFirstDue + k);
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      stream.take(bytes.data() + at, std::min(piece, bytes.size() - at), kFirstDue + 1003);
    stream.end();
    EXPECT_EQ(frames.counts().times->count(), 4u);
    EXPECT_EQ(frames.counts().times->min(), 1000);
    EXPECT_EQ(frames.counts().times->max(), 1003);
    EXPECT_EQ(frames.counts().dropped, 0u);
  }
}

TEST_F(FramesTest, AStreamThatEndsInAFrameHasDroppedIt) {
  FrameStream stream(options_, frames_);
  const std::string bytes = stream_frame(kFirstDue) + stream_frame(kFirstDue + 1);
  stream.take(bytes.data(), 4999, kFirstDue);
  stream.end();
  EXPECT_EQ(whole(), 1u);
  EXPECT_EQ(dropped(), 1u);
}

TEST_F(FramesTest, AFrameOfDatagramsIsWholeWithTheLastInAnyOrder) {
  FrameAssembly assembly(options_, frames_);
  assembly.take(2, kFirstDue, kFirstDue + 1);
  assembly.take(0, kFirstDue, kFirstDue + 2);
  EXPECT_EQ(whole(), 0u);
  assembly.take(3, kFirstDue, kFirstDue + 3);  // of the second frame
  assembly.take(1, kFirstDue, kFirstDue + 5);
  EXPECT_EQ(whole(), 1u);
  EXPECT_EQ(frames_.counts().times->max(), 5);
  assembly.take(5, kFirstDue, kFirstDue + 6);
  assembly.take(4, kFirstDue, kFirstDue + 7);
  assembly.end(6);
  EXPECT_EQ(whole(), 2u);
  EXPECT_EQ(dropped(), 0u);
}

TEST_F(FramesTest, AFrameWithoutOneDatagramIsDropped) {
  FrameAssembly assembly(options_, frames_);
  for (const std::uint64_t number : {0, 1, 2, 3, 5, 6, 7, 8})
    assembly.take(number, kFirstDue, kFirstDue);
  assembly.end(12);  // and no datagram of the fourth has arrived
  EXPECT_EQ(whole(), 2u);
  EXPECT_EQ(dropped(), 2u);
}

TEST_F(FramesTest, ManyLostFramesAreDropped) {
  FrameAssembly assembly(options_, frames_);
  for (const std::uint64_t number : {0, 1, 2}) assembly.take(number, kFirstDue, kFirstDue);
  const Nanoseconds late = kFirstDue + 1000 * 10 * kMillisecond;
  for (const std::uint64_t number : {3000, 3001, 3002}) assembly.take(number, late, late);
  EXPECT_EQ(whole(), 2u);
  assembly.take(4, kFirstDue, kFirstDue);  // too late: its frame is closed
  assembly.end(3003 + 300);
  EXPECT_EQ(whole(), 2u);
  EXPECT_EQ(dropped(), 999u + 100u);
}

// Of 5 frames, those that are due 10 and 20 ms after the first count.
TEST(FrameWindow, FramesThatAreDueOutsideOfTheWindowDoNotCount) {
  Options options = frame_options();
  options.warmup = 10 * kMillisecond;
  options.duration = 20 * kMillisecond;
  ReceivedFrames of_stream(options), of_datagrams(options);
  FrameStream stream(options, of_stream);
  FrameAssembly assembly(options, of_datagrams);
  for (std::uint64_t k = 0; k < 5; ++k) {
    const Nanoseconds due = kFirstDue + static_cast<Nanoseconds>(k) * 10 * kMillisecond;
    const std::string bytes = stream_frame(due);
    stream.take(bytes.data(), bytes.size(), due + kSecond);
    for (std::uint64_t i = 0; i < 3; ++i)
      if (k != 0 && (k != 2 || i != 1)) assembly.take(3 * k + i, due, due + kSecond);
  }
  assembly.end(15);
  EXPECT_EQ(of_stream.counts().times->count(), 2u);
  EXPECT_EQ(*of_stream.counts().late, 2u);
  EXPECT_EQ(of_datagrams.counts().times->count(), 1u);
  EXPECT_EQ(of_datagrams.counts().dropped, 1u);
}

}  // namespace
}  // namespace pingperf
