#include "harness/engines/forked_call.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace pingperf {
namespace {

TEST(ChildCheck, ACallThatReturnsHasNothingToComplainOf) {
  EXPECT_EQ(complaint_of([] { std::fputs("beside the point\n", stderr); }), std::nullopt);
}

TEST(ChildCheck, WhatACallThrowsOrPrintsBeforeItExitsIsItsComplaint) {
  EXPECT_EQ(complaint_of([] { throw std::runtime_error("wrong"); }), "wrong\n");
  EXPECT_EQ(complaint_of([] {
              std::fputs("wrong\n", stderr);
              std::exit(0);
            }),
            "wrong\n");
}

TEST(ChildCheck, ACallThatDiesSilentlyIsNotOneThatReturns) {
  EXPECT_EQ(complaint_of([] { std::raise(SIGKILL); }), "");
}

}  // namespace
}  // namespace pingperf
