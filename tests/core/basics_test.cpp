// Fd, Address, Token and the parameter table.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "sockets/core/address.h"
#include "sockets/core/fd.h"
#include "sockets/core/hex.h"
#include "sockets/core/options.h"
#include "sockets/measure/usage.h"
#include "sockets/transport/token.h"

namespace pingperf {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Fd, ClosesOnceAndMovesWithoutClosing) {
  int raw = -1;
  {
    Fd a(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw = a.get();
    Fd b(std::move(a));
    EXPECT_FALSE(a);  // NOLINT: tests the moved-from state
    EXPECT_TRUE(is_open(raw));
    b = Fd();
    EXPECT_FALSE(is_open(raw));
  }
}

TEST(Address, ParsesItsOwnText) {
  for (const char* text : {"127.0.0.1:5201", "[::1]:80", "unix:/tmp/x.sock", "unix:@abstract",
                           "ethernet:02:00:00:a1:ff:01"})
    EXPECT_EQ(Address::parse(text).to_string(), text);
}

TEST(Address, RejectsInvalidTexts) {
  for (const char* text :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000",
        "unix:", "ethernet:", "ethernet:02:00:00:00:00", "ethernet:02:00:00:00:00:01:02",
        "ethernet:02-00-00-00-00-01", "ethernet:02:00:00:00:00:0g", "ethernet:2:0:0:0:0:0:0:0:01"})
    EXPECT_THROW(Address::parse(text), std::runtime_error) << text;
  EXPECT_THROW(Address::resolve("127.0.0.1", 1, AF_INET6), std::runtime_error);
  EXPECT_THROW(Address::unix_path(std::string(200, 'x')), std::runtime_error);
}

TEST(Address, KnowsItsHardwareAddress) {
  const Mac mac = {2, 0, 0, 0xa1, 0xff, 1};
  EXPECT_EQ(Address::ethernet(mac).mac(), mac);
  EXPECT_EQ(Address::ethernet(mac).host(), "02:00:00:a1:ff:01");
  EXPECT_EQ(Address::resolve("127.0.0.1", 1).mac(), Mac{});
}

TEST(Token, DiffersEachTimeAndParsesItsOwnHex) {
  const Token a = mint_token(), b = mint_token();
  EXPECT_FALSE(same_token(a, b));
  EXPECT_TRUE(same_token(a, token_from_hex(to_hex(a)).value()));
}

TEST(Token, RejectsInvalidHex) {
  for (const char* text :
       {"", "00", "zz112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff0"})
    EXPECT_FALSE(token_from_hex(text)) << text;
}

TEST(Hex, IsParsedInEitherCase) {
  const std::string bytes("\x00\x7f\xaf", 3);
  EXPECT_EQ(to_hex(bytes), "007faf");
  EXPECT_EQ(from_hex("007faF"), bytes);
  EXPECT_EQ(from_hex(""), "");
  for (const char* text : {"0", "0g", "g0", "0x", " 0"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Parameters, NamesAndColumnsAreUnique) {
  std::set<std::string_view> names, columns;
  for (const Parameter& p : parameters()) {
    EXPECT_TRUE(names.insert(p.name).second) << p.name;
    EXPECT_TRUE(columns.insert(p.column).second) << p.column;
    EXPECT_FALSE(p.doc.empty()) << p.name;
    EXPECT_EQ(find_parameter(p.name), &p);
  }
}

TEST(Parameters, NamesOfKindsAndTransportsAreParsed) {
  for (std::string_view text : kind_names()) EXPECT_EQ(name(kind_from(text).value()), text);
  for (std::string_view text : transport_names())
    EXPECT_EQ(name(transport_from(text).value()), text);
  EXPECT_FALSE(kind_from("speed"));
}

TEST(Usage, CountsCyclesOfLaterThreadsIfTheHostCanCount) {
  start_counting_cycles();
  const Usage before = Usage::now();
  if (!before.cycles) GTEST_SKIP() << "the host has no cycle counter (perf_event_open)";
  std::thread([] {
    for (std::atomic<int> i = 0; i < 1'000'000; ++i) {
    }
  }).join();
  EXPECT_GT(*Usage::now().cycles - *before.cycles, 1'000'000u);
}

}  // namespace
}  // namespace pingperf
