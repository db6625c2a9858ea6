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
                           "--"})
    EXPECT_TRUE(validate_iperf3_argument(word)) << word;
  for (const char* word : {"--skip-rx-copy", "--cport", "5999", "-B", "-Bsip", "--bind",
                           "--extra-data=J", "-m", "127.0.0.1", "-"})
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

}  // namespace
}  // namespace pingperf
