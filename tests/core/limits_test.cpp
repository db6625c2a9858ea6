#include "sockets/core/limits.h"

#include <gmock/gmock.h>
#include <sched.h>

#include <cerrno>
#include <future>
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

TEST(Limits, TheLoopbackInterfaceIsNamedOnlyForItsAddresses) {
  const auto of_call = [](const char* call) {
    return explained(std::system_error(ENETUNREACH, std::generic_category(), call));
  };
  std::async(std::launch::async,
             [&] {  // only this thread has the namespace
               if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "cannot make a network namespace";
               EXPECT_THAT(of_call("connect to 127.0.0.1:5000"),
                           testing::HasSubstr("(the loopback interface"));
               EXPECT_THAT(of_call("connect to [::1]:5000"),
                           testing::HasSubstr("(the loopback interface"));
               EXPECT_EQ(of_call("connect to 192.0.2.1:5000"),
                         "connect to 192.0.2.1:5000: Network is unreachable");
             })
      .get();
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
