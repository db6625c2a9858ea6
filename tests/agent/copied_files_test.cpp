#include "harness/agent/copied_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "harness/base/io.h"
#include "harness/base/usage_error.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

TEST(CopiedFiles, HaveTheContentAndThePermissionsAndEndWithTheirOwner) {
  const fs::path here =
      fs::temp_directory_path() / ("pingperf-copy-test-" + std::to_string(::getpid()));
  std::string content;
  for (int i = 0; i < 300'000; ++i) content += static_cast<char>(i % 251);  // several pieces
  std::ofstream(here, std::ios::binary) << content;
  fs::permissions(here, fs::perms(0555));  // the second piece needs to write
  const std::vector<CopyFile> pieces = pieces_of(here.string(), here.string());
  EXPECT_EQ(pieces.size(), 2u);
  fs::remove(here);
  std::string folder;
  {
    CopiedFiles files;
    folder = files.folder();
    for (CopyFile piece : pieces) {
      piece.path = "./build/server";
      files.put(piece);
    }
    EXPECT_EQ(read_file(fs::path(folder) / "build/server"), content);
    EXPECT_EQ(fs::status(fs::path(folder) / "build/server").permissions(), fs::perms(0755));
  }
  EXPECT_FALSE(fs::exists(folder));
}

TEST(CopiedFiles, AreRemovedEvenIfTheRemoverWasKilled) {
  std::string folder;
  {
    CopiedFiles files;
    folder = files.folder();
    ::kill(files.remover(), SIGKILL);
  }
  EXPECT_FALSE(fs::exists(folder));
}

TEST(CopiedFiles, StayBelowTheirFolder) {
  CopiedFiles files;
  for (const char* const path : {"../x", "a/../../x", "/tmp/x", ""})
    EXPECT_THROW(files.put({path, 0600, false, "00"}), ProtocolError) << path;
  EXPECT_THROW(files.put({"x", 0600, false, "0"}), ProtocolError);
  EXPECT_THROW(files.put({"x", 0600, false, "zz"}), ProtocolError);
}

TEST(CopiedFiles, AFileThatCannotBeReadIsNamed) {
  const std::pair<const char*, const char*> kRefused[] = {{"no/such/file", "No such file"},
                                                          {"/tmp", "is a directory"},
                                                          {"/dev/null", "is not a regular file"}};
  for (const auto& [path, reason] : kRefused) try {
      pieces_of(path, path);
      FAIL() << path;
    } catch (const UsageError& e) {
      EXPECT_THAT(e.what(), testing::AllOf(testing::HasSubstr(path), testing::HasSubstr(reason)));
    }
}

}  // namespace
}  // namespace pingperf
