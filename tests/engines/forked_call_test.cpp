#include "harness/engines/forked_call.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace pingperf {
namespace {

TEST(ChildCheck, ACallThatReturnsHasNothingToComplainOf) {
  EXPECT_EQ(error_of_forked_call([] { std::fputs("beside the point\n", stderr); }), std::nullopt);
}

TEST(ChildCheck, TheErrorOfACallIsWhatItThrowsOrPrintsBeforeItExits) {
  EXPECT_EQ(error_of_forked_call([] { throw std::runtime_error("wrong"); }), "wrong\n");
  EXPECT_EQ(error_of_forked_call([] {
              std::fputs("wrong\n", stderr);
              std::exit(0);
            }),
            "wrong\n");
}

TEST(ChildCheck, ACallThatDiesSilentlyIsNotOneThatReturns) {
  EXPECT_EQ(error_of_forked_call([] { std::raise(SIGKILL); }), "");
}

}  // namespace
}  // namespace pingperf
