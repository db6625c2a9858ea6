// Addresses, judged where they are written. tests/bad/ has those that are refused.
#include "harness/experiment/address_reader.h"

#include <gtest/gtest.h>

namespace pingperf {
namespace {

TEST(AddressReader, TakesWhatAClientCanDial) {
  for (const char* const text : {"192.0.2.1", "2001:db8::1", "fe80::1%eth0", "bench1.example.org",
                                 "vsock:3:5201", "@socket", "/run/socket", "127.0.0.1"})
    EXPECT_NO_THROW(check_address(text, "address", {"x", 1, 1})) << text;
  EXPECT_NO_THROW(check_address("0.0.0.0", "bind", {"x", 1, 1}));
}

TEST(AddressReader, RefusesTheOthers) {
  for (const char* const text : {"", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255",
                                 "[::1]", "[::1]:80", "[::1", "a:80", "a:"})
    EXPECT_THROW(check_address(text, "address", {"x", 1, 1}), UsageError) << text;
}

TEST(AddressReader, KnowsNames) {
  EXPECT_TRUE(is_host_name("bench1"));
  for (const char* const text : {"", "192.0.2.1", "::1", "fe80::1%eth0", "/x", "@x", "vsock:2"})
    EXPECT_FALSE(is_host_name(text)) << text;
}

}  // namespace
}  // namespace pingperf
