// The limits of control groups, in made-up trees.
#include "harness/agent/group_limits.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace pingperf {
namespace {

namespace fs = std::filesystem;

class GroupLimits : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(root_.data()), nullptr); }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) const {
    const fs::path path = fs::path(root_) / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }

  std::string root_ = "/tmp/pingperf-quota-XXXXXX";
};

class CpuQuota : public GroupLimits {};
class MemoryLimit : public GroupLimits {};

TEST_F(CpuQuota, IsTheLowestOfTheGroupAndItsParents) {
  write("a/b/cpu.max", "max 100000");
  EXPECT_FALSE(cpu_quota("0::/a/b\n", root_));
  write("a/cpu.max", "150000 100000");
  EXPECT_EQ(cpu_quota("0::/a/b\n", root_), 1.5);
  write("a/b/cpu.max", "50000 100000");
  EXPECT_EQ(cpu_quota("0::/a/b\n", root_), 0.5);
}

TEST_F(CpuQuota, IsReadFromVersionOneToo) {
  const std::string groups = "9:memory:/job\n4:cpu,cpuacct:/job/step\n0::/\n";
  write("cpu,cpuacct/job/step/cpu.cfs_quota_us", "-1");
  write("cpu,cpuacct/job/step/cpu.cfs_period_us", "100000");
  EXPECT_FALSE(cpu_quota(groups, root_));
  write("cpu,cpuacct/job/cpu.cfs_quota_us", "200000");
  write("cpu,cpuacct/job/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cpu_quota(groups, root_), 2.0);
}

TEST_F(CpuQuota, OfAContainerIsAtTheTop) {
  write("cpu.max", "25000 100000");
  EXPECT_EQ(cpu_quota("0::/\n", root_), 0.25);
  EXPECT_EQ(cpu_quota("0::/docker/0123\n", root_), 0.25);
}

TEST_F(MemoryLimit, IsTheLowestOfTheGroupAndItsParents) {
  write("a/b/memory.max", "max");
  EXPECT_FALSE(memory_limit("0::/a/b\n", root_));
  write("a/memory.max", "67108864");
  EXPECT_EQ(memory_limit("0::/a/b\n", root_), 64u << 20);
}

TEST_F(MemoryLimit, IsReadFromVersionOneToo) {
  write("memory/job/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_FALSE(memory_limit("9:memory:/job\n4:cpu:/job\n", root_));
  write("memory/job/memory.limit_in_bytes", "1048576");
  EXPECT_EQ(memory_limit("9:memory:/job\n4:cpu:/job\n", root_), 1u << 20);
}

TEST_F(MemoryLimit, OfAJoinedGroupExplainsAKill) {
  write("agent/memory.max", "max");
  write("worker/memory.max", "33554432");
  EXPECT_EQ(out_of_memory("", {root_ + "/agent"}), "out of memory");
  EXPECT_EQ(out_of_memory("", {root_ + "/agent", root_ + "/worker"}),
            "out of memory: its control group has 32 MiB");
}

TEST_F(CpuQuota, IgnoresLinesThatAreNoGroups) {
  EXPECT_FALSE(cpu_quota("\nx\n1:\n", root_));
}

}  // namespace
}  // namespace pingperf
