// The barrier at which the trials of a round wait.
#include "harness/run/round_state.h"

#include <gtest/gtest.h>

namespace pingperf {
namespace {

class RoundBarrierTest : public testing::Test {
 protected:
  RoundBarrierTest() {
    for (Signal* const signal : {&a_, &b_, &c_}) barrier_.join(*signal);
  }

  EventLoop loop_;
  Signal a_{loop_}, b_{loop_}, c_{loop_};
  RoundBarrier barrier_;
};

TEST_F(RoundBarrierTest, OpensWhenAllHaveArrived) {
  const std::size_t arrival = barrier_.arrive(a_);
  barrier_.arrive(b_);
  EXPECT_FALSE(barrier_.has_opened(arrival));
  barrier_.arrive(c_);
  EXPECT_TRUE(barrier_.has_opened(arrival));
}

TEST_F(RoundBarrierTest, ATrialThatEndsWhileItWaitsIsNotCounted) {
  barrier_.arrive(a_);
  barrier_.leave(a_);
  const std::size_t arrival = barrier_.arrive(b_);
  EXPECT_FALSE(barrier_.has_opened(arrival));
  barrier_.leave(c_);
  EXPECT_TRUE(barrier_.has_opened(arrival));
}

}  // namespace
}  // namespace pingperf
