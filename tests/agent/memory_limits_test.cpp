#include "harness/agent/memory_limits.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr std::uint64_t kGiB = 1 << 30;

std::optional<std::string> limit_of_case(const std::string& workload, const HostMemory& host) {
  const Experiment experiment =
      parse_experiment("name: x\nworkloads: {w: " + workload + "}\n", "x.yaml");
  return memory_limit(experiment.cases.front(), host);
}

TEST(MemoryLimits, BuffersOfManyStreamsExceedTheMemoryOfTheHost) {
  const std::string many = "{kind: throughput, engine: epoll, message_size: 64MiB, streams: 200}";
  EXPECT_THAT(
      limit_of_case(many, {.available = 16 * kGiB}),
      Optional(std::string("not enough memory for the buffers: both ends need about 37.5 GiB, "
                           "and MemAvailable is 16 GiB: lower message_size or streams")));
  EXPECT_EQ(limit_of_case(many, {.available = 64 * kGiB}), std::nullopt);
}

TEST(MemoryLimits, TheLowerOneOfHostAndControlGroupIsNamed) {
  const std::string large = "{kind: latency, engine: epoll, message_size: 1GiB}";
  EXPECT_THAT(limit_of_case(large, {.available = 4 * kGiB, .of_groups = kGiB}),
              Optional(HasSubstr("the memory limit of the control group is 1 GiB")));
  EXPECT_THAT(limit_of_case(large, {.available = kGiB, .of_groups = 4 * kGiB}),
              Optional(HasSubstr("MemAvailable is 1 GiB")));
}

TEST(MemoryLimits, TheLimitOfAProcessIsThatOfOneEnd) {
  const std::string bulk = "{kind: throughput, engine: blocking, message_size: 1GiB}";
  EXPECT_THAT(limit_of_case(bulk, {.of_process = kGiB}),
              Optional(HasSubstr("an end needs about 2 GiB, and ulimit -v is 1 GiB")));
  EXPECT_EQ(limit_of_case(bulk, {.of_process = 3 * kGiB}), std::nullopt);
}

TEST(MemoryLimits, SlotsOfDatagramsCount) {
  const std::string slots =
      "{kind: throughput, engine: io_uring, transport: udp, message_size: 60KB, queue_depth: 1024, "
      "streams: 100}";
  EXPECT_THAT(limit_of_case(slots, {.available = kGiB}),
              Optional(HasSubstr("lower message_size, streams or queue_depth")));
}

TEST(MemoryLimits, LockedMemoryIsThatOfTheXdpSocketsOfBothEnds) {
  const auto frames = [](const char* size) {
    return fmt::format(
        "{{kind: latency, engine: xdp, transport: ethernet, interface: {{client: a, server: b}}, "
        "message_size: {}}}",
        size);
  };
  EXPECT_THAT(limit_of_case(frames("64"), {.locked = 4 << 20}),
              Optional(HasSubstr("sockets of both ends lock 8 MiB, and ulimit -l is 4 MiB")));
  EXPECT_EQ(limit_of_case(frames("64"), {.locked = 8 << 20}), std::nullopt);
  EXPECT_THAT(limit_of_case(frames("3000"), {.locked = 8 << 20}),
              Optional(HasSubstr("sockets of both ends lock 16 MiB, and ulimit -l is 8 MiB")));
  EXPECT_EQ(limit_of_case(frames("64"), {}), std::nullopt);
}

TEST(MemoryLimits, AnOrdinaryTrialFitsHere) {
  EXPECT_EQ(limit_of_case("{kind: latency, engine: blocking}", HostMemory::here()), std::nullopt);
}

}  // namespace
}  // namespace pingperf
