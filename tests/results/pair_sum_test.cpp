// The row of the sum of an incast's or broadcast's pairs.
#include "harness/results/pair_sum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "harness/results/columns.h"

namespace pingperf {
namespace {

using testing::DoubleNear;
using testing::Optional;

class PairSum : public testing::Test {
 protected:
  // Adds the record of a pair that received `bytes` in a second.
  TrialRecord& add(std::uint64_t bytes, std::uint64_t lost = 0) {
    TrialRecord& record = records_.emplace_back();
    record.trial_case = &case_;
    record.server.bytes_received = bytes;
    record.server.window_s = 1;
    record.server.datagrams_received = 100 - lost;
    record.server.datagrams_lost = lost;
    return record;
  }

  TrialRecord sum(std::size_t pairs) {
    parts_.clear();
    for (const TrialRecord& record : records_) parts_.push_back(&record);
    return sum_of_pairs({}, case_, parts_, pairs);
  }

  static std::optional<double> value(const TrialRecord& record, std::string_view metric) {
    return find_metric(metric)->value(record);
  }

  std::deque<TrialRecord> records_;
  std::vector<const TrialRecord*> parts_;
  Case case_;
};

TEST_F(PairSum, RatesAddUpAndTheLossIsThatOfAll) {
  case_.options.edit().transport = Transport::udp;
  add(1000, 10);
  add(3000, 30);
  const TrialRecord all = sum(2);
  EXPECT_EQ(all.status, Status::ok);
  EXPECT_THAT(value(all, "throughput_bps"), Optional(32000.0));
  EXPECT_THAT(value(all, "loss_ratio"), Optional(DoubleNear(0.2, 1e-9)));
  EXPECT_THAT(value(all, "fairness_index"), Optional(DoubleNear(16.0 / 20, 1e-9)));  // Jain
  EXPECT_FALSE(value(all, "client_cpu_s"));
}

TEST_F(PairSum, TheWorstRoundTripCounts) {
  case_.options.edit().kind = Kind::latency;
  for (const Nanoseconds rtt : {1000, 5000}) {
    TrialRecord& record = add(0);
    record.client.window_s = 1;
    record.client.rtt.emplace();
    for (int i = 0; i < 10'000; ++i) record.client.rtt->record(rtt);
  }
  EXPECT_THAT(value(sum(2), "rtt_p99_ns"), Optional(DoubleNear(5000, 10)));
}

TEST_F(PairSum, AMissingOrFailedPairFailsTheSum) {
  add(1000);
  EXPECT_EQ(sum(2).status, Status::failed);
  EXPECT_EQ(sum(2).error, "only 1 of 2 pairs ran");
  TrialRecord& failed = add(0);
  failed.status = Status::timeout;
  failed.error = "too late";
  EXPECT_EQ(sum(2).status, Status::timeout);
  EXPECT_EQ(sum(2).error, "1 of 2 pairs failed: too late");
  EXPECT_EQ(find_metric("throughput_bps")->cell(sum(2)), "");
}

// So that a resumed run runs all pairs of it again.
TEST_F(PairSum, AnInterruptedPairInterruptsTheSum) {
  add(1000).status = Status::failed;
  TrialRecord& interrupted = add(0);
  interrupted.status = Status::interrupted;
  interrupted.error = "the run was interrupted";
  EXPECT_EQ(sum(2).status, Status::interrupted);
  EXPECT_EQ(sum(2).error, "2 of 2 pairs failed: the run was interrupted");
  EXPECT_EQ(sum(3).status, Status::interrupted);
}

TEST_F(PairSum, AFigureThatOnePairLacksHasNoTotal) {
  add(1000);
  add(1000).server.bytes_received.reset();
  EXPECT_FALSE(value(sum(2), "bytes_received"));
}

}  // namespace
}  // namespace pingperf
