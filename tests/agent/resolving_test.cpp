// Names and interfaces, as the agent's host sees them.
#include "harness/agent/resolving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pingperf {
namespace {

using testing::HasSubstr;

TEST(Resolving, ANumericAddressStays) {
  EXPECT_EQ(resolve_here({.name = "192.0.2.1"}).v4, "192.0.2.1");
  EXPECT_EQ(resolve_here({.name = "2001:db8::1"}).v6, "2001:db8::1");
}

TEST(Resolving, AnUnknownNameIsAnError) {
  EXPECT_THAT(resolve_here({.name = "no.such.host.invalid"}).error,
              HasSubstr("cannot resolve 'no.such.host.invalid': "));
}

TEST(Resolving, AnInterfaceHasItsAddress) {
  EXPECT_EQ(resolve_here({.device = "lo"}).v4, "127.0.0.1");
  EXPECT_EQ(resolve_here({.device = "none0"}).error, "there is no interface 'none0'");
}

TEST(Resolving, AnAddressOfTheHostIsFound) {
  EXPECT_EQ(resolve_here({.name = "127.0.0.1", .is_own = true}).v4, "127.0.0.1");
  EXPECT_EQ(resolve_here({.name = "192.0.2.77", .is_own = true}).error,
            "no interface has the address 192.0.2.77");
}

}  // namespace
}  // namespace pingperf
