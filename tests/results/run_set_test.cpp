// RunSet: the runs that paths and globs name, and the selection of runs by their start.
#include "harness/results/run_set.h"

#include <gmock/gmock.h>

#include <fstream>

#include "harness/base/usage_error.h"
#include "harness/results/columns.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class RunSetTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }

  // Creates a run of `trials` trials, which start on 2023-11-14.
  void run(const std::string& name, std::uint64_t trials = 1) {
    fs::create_directories(folder / name);
    std::ofstream file(folder / name / "trials.csv");
    file << trials_header();
    for (std::uint64_t block = 1; block <= trials; ++block)
      file << trial_row(samples.transfer(bulk, block, 1000));
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }

  static std::vector<std::string> names(const RunSet& set) {
    std::vector<std::string> names;
    for (const RunSet::Run& run : set.runs()) names.push_back(run.directory.filename());
    return names;
  }
  std::vector<std::string> read(const std::vector<std::string>& under) const {
    std::vector<std::string> paths;
    for (const std::string& name : under) paths.push_back(path(name));
    return names(RunSet::read(paths));
  }
  std::vector<std::string> selected(const RunSelection& selection,
                                    const RunSet& others = {}) const {
    return names(RunSet::read({path("ci")}, selection, others));
  }
  std::string error_of(const RunSelection& selection, const RunSet& others = {}) const {
    try {
      selected(selection, others);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  }

  Samples samples;
  const Case& bulk = samples.add_case("bulk");
  const fs::path folder =
      fs::path(testing::TempDir()) /
      (std::string("run_set_") + testing::UnitTest::GetInstance()->current_test_info()->name());
};

const std::string kFirst = "20261101T100000Z-1", kMiddle = "20261115T093000Z-1",
                  kThird = "20261115T180000Z-1", kFourth = "20261128T161000Z-1";

class SelectionTest : public RunSetTest {
 protected:
  void SetUp() override {
    RunSetTest::SetUp();
    for (const std::string& name : {kFirst, kMiddle, kThird, kFourth}) run("ci/" + name);
    fs::create_directory_symlink(kFourth, folder / "ci/latest");
  }
};

TEST_F(SelectionTest, AGlobTakesEveryRunOnceAndIgnoresOtherFiles) {
  std::ofstream(folder / "ci/notes.txt") << "no trials";
  const auto all = ElementsAre(kFirst, kMiddle, kThird, kFourth);
  EXPECT_THAT(read({"ci/*"}), all);  // `latest` is the fourth
  EXPECT_THAT(read({"c?"}), all);    // a folder of runs
  EXPECT_THAT(read({"ci/*/trials.csv"}), all);
  EXPECT_THAT(read({"*/latest"}), ElementsAre(kFourth));
  EXPECT_THAT(read({"ci/20261115*", "ci/*"}), ElementsAre(kMiddle, kThird, kFirst, kFourth));
}

TEST_F(SelectionTest, AGlobThatMatchesNoRunIsAnError) {
  EXPECT_THROW(read({"ci/2025*"}), UsageError);
  EXPECT_THROW(read({"nowhere/*"}), UsageError);
  fs::create_directory(folder / "empty");
  EXPECT_THROW(read({"emp*"}), UsageError);
}

TEST_F(SelectionTest, ADirectoryWithTheNameOfAGlobIsTakenItself) {
  run("star*/run");
  run("star-not/run");
  EXPECT_EQ(RunSet::read({path("star*")}).runs().size(), 1u);
}

TEST_F(SelectionTest, LastTakesTheNewestInOrder) {
  EXPECT_THAT(selected({.last = 2}), ElementsAre(kThird, kFourth));
  EXPECT_THAT(selected({.last = 9}), ElementsAre(kFirst, kMiddle, kThird, kFourth));
}

TEST_F(SelectionTest, LastDoesNotCountRunsOfTheOtherSide) {
  const RunSet now = RunSet::read({path("ci/latest")});
  EXPECT_THAT(selected({.last = 2}, now), ElementsAre(kMiddle, kThird));
}

TEST_F(SelectionTest, LastDoesNotCountRunsWithoutTrials) {
  run("ci/20261129T000000Z-1", 0);
  EXPECT_THAT(selected({.last = 1}), ElementsAre(kFourth));
}

TEST_F(SelectionTest, DatesBoundTheStart) {
  EXPECT_THAT(selected({.since = "2026-11-15"}), ElementsAre(kMiddle, kThird, kFourth));
  EXPECT_THAT(selected({.until = "2026-11-15"}), ElementsAre(kFirst, kMiddle, kThird));
  EXPECT_THAT(selected({.until = "2026-11-15T09:30"}), ElementsAre(kFirst, kMiddle));
  EXPECT_THAT(selected({.since = "2026-11-15T09:31", .until = "2026-11-27"}), ElementsAre(kThird));
  EXPECT_THAT(selected({.until = "2026-11-15", .last = 1}), ElementsAre(kThird));
}

TEST_F(SelectionTest, ARunOfAnotherNameStartsWithItsFirstTrial) {
  run("ci/baseline");
  EXPECT_THAT(selected({.until = "2023-11-14"}), ElementsAre("baseline"));
  EXPECT_THAT(selected({.last = 5}), ElementsAre("baseline", kFirst, kMiddle, kThird, kFourth));
  run("ci/begun", 0);  // has no trials, so it has no start
  EXPECT_THAT(selected({.until = "2023-11-14"}), ElementsAre("baseline"));
}

TEST_F(SelectionTest, RunsOfSeveralPathsAreSortedByTheirStart) {
  run("a/baseline");  // its first trial is of 2023
  RunSet set = RunSet::read({path("ci/20261128*"), path("ci/20261101*"), path("a")});
  set.sort_by_start();
  EXPECT_THAT(names(set), ElementsAre("baseline", kFirst, kFourth));
}

TEST_F(SelectionTest, ATableWithoutStartCannotBeSelected) {
  fs::create_directories(folder / "ci/by_hand");
  std::ofstream(folder / "ci/by_hand/trials.csv") << "run,experiment,workload,case,block,status\n"
                                                     "r,e,w,w,1,ok\n";
  EXPECT_THAT(error_of({.last = 1}), HasSubstr("by_hand/trials.csv: has no started_at"));
  EXPECT_EQ(RunSet::read({path("ci")}).runs().size(), 5u);
}

TEST_F(SelectionTest, TheErrorForAnEmptySideNamesTheRunsThatExist) {
  EXPECT_EQ(error_of({.side = "BASE", .since = "2027-01-01"}),
            "BASE: no run is left of 4 with trials, started from 2026-11-01T10:00:00 to "
            "2026-11-28T16:10:00");
  EXPECT_THAT(error_of({.last = 1}, RunSet::read({path("ci")})),
              HasSubstr("; 4 of them are on the other side too"));
}

TEST(CaseNamed, KeepsASlashInAValue) {
  const Case c = case_named("bulk/libiperf=/opt/iperf3/lib/engine=iperf3");
  EXPECT_EQ(c.workload, "bulk");
  EXPECT_THAT(c.axes, ElementsAre(testing::Pair("libiperf", "/opt/iperf3/lib"),
                                  testing::Pair("engine", "iperf3")));
}

TEST(Cases, HaveTheKindOfTheirTrials) {
  const RunSet run = RunSet::of(
      TrialTable(CsvTable::parse("run,experiment,workload,kind,case,block,status\n"
                                 "r,e,ping,latency,ping,1,ok\nr,e,bulk,throughput,bulk,1,ok\n",
                                 "trials.csv")));
  ASSERT_THAT(run.cases(), testing::SizeIs(2));
  EXPECT_EQ(run.cases()[0].options->kind, Kind::latency);
  EXPECT_EQ(run.cases()[1].options->kind, Kind::throughput);
}

TEST(Moments, AreDatesOrMinutes) {
  for (const char* good : {"2026-11-28", "2024-02-29", "2026-11-28T23:59"})
    EXPECT_TRUE(is_moment(good)) << good;
  for (const char* bad :
       {"", "2026", "2026-11", "2026-13-01", "2026-02-29", "2026-11-28T24:00", "2026-11-28T10:60",
        "2026-11-28 10:00", "28.11.2026", "2026-11-2x", "2026-11-28T10:00Z"})
    EXPECT_FALSE(is_moment(bad)) << bad;
}

}  // namespace
}  // namespace pingperf
