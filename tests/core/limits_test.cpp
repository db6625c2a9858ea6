#include "sockets/core/limits.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

namespace pingperf {
namespace {

std::string explained_error(int error) {
  return explained(std::system_error(error, std::generic_category(), "socket"));
}

TEST(Limits, AnErrorNamesTheLimitThatItMet) {
  EXPECT_THAT(explained_error(EMFILE),
              testing::MatchesRegex("socket: Too many open files \\(ulimit -n: [0-9a-z]+\\)"));
  EXPECT_THAT(explained_error(ENOMEM), testing::HasSubstr("Cannot allocate memory (ulimit -v: "));
  EXPECT_THAT(explained_error(EADDRNOTAVAIL), testing::HasSubstr("ip_local_port_range: "));
  EXPECT_THAT(explained(std::bad_alloc()),
              testing::StartsWith("not enough memory for the buffers (ulimit -v: "));
}

TEST(Limits, AnAddressOfAnotherHostIsNotAWantOfPorts) {
  const std::system_error error(EADDRNOTAVAIL, std::generic_category(), "bind 192.0.2.1:0");
  EXPECT_THAT(explained(error), testing::EndsWith("(no interface of this host has the address)"));
}

TEST(Limits, OtherErrorsStayAsTheyAre) {
  EXPECT_EQ(explained_error(ECONNREFUSED), "socket: Connection refused");
  EXPECT_EQ(explained(std::runtime_error("no pong")), "no pong");
}

TEST(Limits, AnErrorSaysHowFarSetUpCame) {
  EXPECT_EQ(at_number("connection", 3, 8, "refused"), "connection 3 of 8: refused");
  EXPECT_EQ(at_number("connection", 1, 1, "refused"), "refused");
}

}  // namespace
}  // namespace pingperf
