// Files of lines "KEY: VALUE".
#include "harness/base/io.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace pingperf {
namespace {

TEST(ValueOfKey, StandsBehindTheWholeKey) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("pingperf-io-" + std::to_string(::getpid()));
  std::ofstream(file)
      << "MemAvailableNot: 1 kB\nMemAvailable:   24105 kB\nEmpty:\nCapEff:\t0000ff\n";
  EXPECT_EQ(value_of_key(file, "MemAvailable"), "24105 kB");
  EXPECT_EQ(value_of_key(file, "CapEff"), "0000ff");
  EXPECT_EQ(value_of_key(file, "Empty"), "");
  EXPECT_EQ(value_of_key(file, "Cap"), "");
  std::filesystem::remove(file);
  EXPECT_EQ(value_of_key(file, "CapEff"), "");
}

}  // namespace
}  // namespace pingperf
