#include "harness/engines/iperf3_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pingperf {
namespace {

TEST(Iperf3Arguments, ThatTheHarnessNeedsAreRefusedHoweverTheyAreWritten) {
  for (const char* word : {"-J",
                           "--json",
                           "--json-stream",
                           "--js",
                           "-s",
                           "-c",
                           "-cx",
                           "-D",
                           "-p",
                           "-1",
                           "-i0.5",
                           "-O",
                           "-t5",
                           "--time=5",
                           "--logfile",
                           "--forceflush",
                           "--get-server-output",
                           "--pidfile",
                           "-I",
                           "-T",
                           "-V",
                           "-d4",
                           "-v",
                           "--username",
                           "-P4",
                           "--par",
                           "--rev",
                           "-Z",
                           "-A0",
                           "--sctp",
                           "-F",
                           "-F/etc/passwd",
                           "--file=/etc/passwd",
                           "--fil",
                           "-m",
                           "--mptcp",
                           "--"})
    EXPECT_TRUE(validate_iperf3_argument(word)) << word;
  for (const char* word : {"--skip-rx-copy", "--cport", "5999", "-B", "-Bsip", "--bind",
                           "--extra-data=J", "127.0.0.1", "-"})
    EXPECT_FALSE(validate_iperf3_argument(word)) << word << ": " << *validate_iperf3_argument(word);
  EXPECT_EQ(validate_iperf3_argument("-P4"), "'-P4' cannot stand here: set streams");
}

TEST(Iperf3Arguments, ThoseOfTheExperimentFollowThoseOfTheHarness) {
  Options options;
  options.transport = Transport::udp;
  options.reverse = true;
  options.fq_rate_bps = 1000;
  options.iperf3_options = "--cport  5999";
  EXPECT_THAT(iperf3_arguments(options),
              testing::ElementsAre("iperf3", "-c", "set-later", "-u", "-R", "--fq-rate", "1000",
                                   "--cport", "5999", "-J"));
}

TEST(Iperf3Words, OfLaterVersionsComeFromParameters) {
  Options options;
  options.receive = "copy";
  EXPECT_FALSE(needs_iperf3_parser(options));
  EXPECT_THAT(iperf3_arguments(options), testing::ElementsAre("iperf3", "-c", "set-later", "-J"));
  options.transport = Transport::mptcp;
  options.receive = "discard";
  EXPECT_TRUE(needs_iperf3_parser(options));
  EXPECT_THAT(iperf3_arguments(options),
              testing::ElementsAre("iperf3", "-c", "set-later", "--mptcp", "--skip-rx-copy", "-J"));
  options.transport = Transport::udp;
  options.receive.reset();
  options.gso = options.gro = true;
  EXPECT_THAT(iperf3_arguments(options),
              testing::ElementsAre("iperf3", "-c", "set-later", "-u", "--gsro", "-J"));
}

TEST(Iperf3Version, OfTheLibraryDecidesWhatCanBeAsked) {
  Options options;
  options.receive = "discard";
  EXPECT_EQ(validate_iperf3_version(options, "3.12"),
            "receive: discard requires libiperf 3.19 or later (iperf3 --skip-rx-copy), and this "
            "one is 3.12");
  EXPECT_TRUE(validate_iperf3_version(options, "3.18"));
  EXPECT_FALSE(validate_iperf3_version(options, "3.19"));
  EXPECT_FALSE(validate_iperf3_version(options, "3.21+"));
  EXPECT_FALSE(validate_iperf3_version(options, "4.0"));
  options.receive = "copy";
  EXPECT_FALSE(validate_iperf3_version(options, "3.1"));
  options.gso = true;
  EXPECT_TRUE(validate_iperf3_version(options, "3.20.1"));
  EXPECT_FALSE(validate_iperf3_version(options, "3.21"));
  EXPECT_TRUE(validate_iperf3_version(options, "nonsense"));
}

TEST(Iperf3Copies, AreThoseThatParametersAndArgumentsLeave) {
  const auto copies = [](auto change) {
    Options options;
    change(options);
    const Iperf3Copies left = iperf3_copies(options);
    return 10 * left.sending + left.receiving;
  };
  EXPECT_EQ(copies([](Options&) {}), 11u);
  EXPECT_EQ(copies([](Options& o) { o.zero_copy = true; }), 1u);
  EXPECT_EQ(copies([](Options& o) { o.receive = "discard"; }), 10u);
  EXPECT_EQ(copies([](Options& o) { o.receive = "copy"; }), 11u);
  for (const char* const words : {"--skip-rx-copy", "--cport 5999 --skip"})
    EXPECT_EQ(copies([&](Options& o) { o.iperf3_options = words; }), 10u) << words;
  for (const char* const words : {"--gsro", "-B skip", "--skip-rx-copying"})
    EXPECT_EQ(copies([&](Options& o) { o.iperf3_options = words; }), 11u) << words;
}

}  // namespace
}  // namespace pingperf
