#include "harness/results/run_directory.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "harness/base/csv.h"
#include "harness/base/io.h"
#include "harness/base/json.h"
#include "harness/base/usage_error.h"
#include "harness/results/columns.h"
#include "harness/results/environment.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  return read_file(file).value_or("");
}

class RunDirectoryTest : public testing::Test {
 protected:
  ~RunDirectoryTest() override { fs::remove_all(folder_); }

  RunDirectory create() { return RunDirectory::create(folder_, "exp", 7, "name: exp\n", "{}\n"); }

  TrialRecord record(std::uint64_t block) {
    TrialRecord r = samples_.transfer(case_, block, 1000 * block);
    r.client.intervals.push_back({0, 0.1, 100});
    r.counters.push_back({CounterSource::snmp, "Udp.InErrors", "both", 3});
    r.counters.push_back({CounterSource::pressure, "cpu some", "client", 0.25});
    return r;
  }

  std::size_t rows(const fs::path& file) { return CsvTable::read(file).rows().size(); }

  Samples samples_;
  const Case& case_ = samples_.add_case("bulk");
  const fs::path folder_ =
      fs::temp_directory_path() / ("pingperf-run-" + std::to_string(::getpid()));
};

TEST_F(RunDirectoryTest, TheErrorForAFolderOfRunsNamesTheNewest) {
  fs::create_directories(folder_ / "exp" / "latest");
  try {
    recorded_environment(folder_ / "exp");
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(),
                testing::HasSubstr("exp/environment.json: cannot be read: did you mean "));
  }
}

TEST_F(RunDirectoryTest, ALabelIsNoDifferenceBetweenRuns) {
  const auto write = [&](const char* name, const char* set) {
    for (const char* const folder : {name, "new"}) fs::create_directories(folder_ / folder);
    write_file_atomically(folder_ / name / "environment.json",
                          std::string(R"({"overrides": {"only": "", "set": [)") + set + "]}}");
    return folder_ / name;
  };
  const fs::path base = write("base", R"("labels.commit=\"a\"", "plan.seed=2")");
  EXPECT_EQ(environment_differences(base, write("same", R"("plan.seed=2")")).size(), 0u);
  write_file_atomically(folder_ / "new" / "environment.json",
                        R"({"overrides": {"only": [], "set": ["plan.seed=2"]}})");
  EXPECT_EQ(environment_differences(base, folder_ / "new").size(), 0u) << "of an older version";
  write_file_atomically(folder_ / "new" / "environment.json", "{}");
  EXPECT_EQ(environment_differences(base, folder_ / "new").size(), 0u) << "without overrides";
  EXPECT_THAT(environment_differences(base, write("other", R"("plan.seed=3")")),
              testing::ElementsAre(R"(--set: ["plan.seed=2"], now ["plan.seed=3"])"));
}

TEST_F(RunDirectoryTest, EveryTableHasTheColumnsOfTheExperiment) {
  const OwnColumns own{{"rtt_p75_ns"}, {{"commit", "1a2b"}, {"title", "a, \"b\""}}};
  RunDirectory run = RunDirectory::create(folder_, "exp", 7, "name: exp\n", "{}\n", own);
  run.append(record(1));
  for (const char* file : {"trials.csv", "intervals.csv", "counters.csv"}) {
    const CsvTable table = CsvTable::read(run.path() / file);
    EXPECT_EQ(table.rows().front()[table.column("commit")], "1a2b") << file;
    EXPECT_EQ(table.rows().front()[table.column("title")], "a, \"b\"") << file;
  }
  const TrialTable trials = TrialTable::read(run.path() / "trials.csv");
  EXPECT_EQ(labels_of(trials), own.labels);
  EXPECT_EQ(metrics_of(trials).back(), "rtt_p75_ns");
  const fs::path path = run.path();
  { const RunDirectory closed = std::move(run); }
  EXPECT_NO_THROW(RunDirectory::resume(path, RunDirectory::Rerun::missing, false, own));
  EXPECT_THROW(RunDirectory::resume(path), UsageError);
}

TEST_F(RunDirectoryTest, IsCompleteAfterEveryTrial) {
  RunDirectory run = create();
  EXPECT_EQ(read(run.path() / "experiment.yaml"), "name: exp\n");
  EXPECT_EQ(read(run.path() / "environment.json"), "{}\n");
  EXPECT_EQ(read(run.path() / "trials.csv"), trials_header());
  for (std::uint64_t block = 1; block <= 3; ++block) {
    run.append(record(block));
    EXPECT_EQ(rows(run.path() / "trials.csv"), block);
    EXPECT_EQ(rows(run.path() / "intervals.csv"), block);
    EXPECT_EQ(rows(run.path() / "counters.csv"), 2 * block);
  }
  EXPECT_TRUE(read(run.path() / "counters.csv")
                  .starts_with("schema_version,run,case,block,host,source,name,delta\n"
                               "1,run-1,bulk,1,both,snmp,Udp.InErrors,3\n"
                               "1,run-1,bulk,1,client,pressure,cpu some,0.25\n"));
}

TEST_F(RunDirectoryTest, TrialsThatEndTogetherAreWrittenTogether) {
  RunDirectory run = create();
  const TrialRecord first = record(1), second = record(2);
  const TrialRecord* const both[] = {&first, &second};
  run.append(both);
  EXPECT_EQ(rows(run.path() / "trials.csv"), 2u);
  EXPECT_EQ(rows(run.path() / "intervals.csv"), 2u);
  EXPECT_EQ(rows(run.path() / "counters.csv"), 4u);
  EXPECT_TRUE(run.finished().contains("bulk", 1) && run.finished().contains("bulk", 2));
}

TEST_F(RunDirectoryTest, IsNamedByTimeAndSeedAndNeverReused) {
  const RunDirectory a = create(), b = create();
  EXPECT_NE(a.path(), b.path());
  EXPECT_NE(a.name().find("-7"), std::string::npos);
  EXPECT_EQ(a.path().parent_path(), folder_ / "exp");
}

TEST_F(RunDirectoryTest, ResumeKnowsWhatIsFinished) {
  fs::path path;
  {
    RunDirectory run = create();
    path = run.path();
    run.append(record(1));
    run.append(samples_.failed(case_, 2));  // a failed trial is finished
    run.append(samples_.failed(case_, 3, Status::interrupted));
  }
  RunDirectory run = RunDirectory::resume(path);
  EXPECT_TRUE(run.finished().contains("bulk", 1));
  EXPECT_TRUE(run.finished().contains("bulk", 2));
  EXPECT_FALSE(run.finished().contains("bulk", 3));
  EXPECT_EQ(rows(path / "trials.csv"), 2u);
  run.append(record(3));
  EXPECT_EQ(rows(path / "trials.csv"), 3u);
}

TEST_F(RunDirectoryTest, ARunThatWasKilledBeforeItWasTheLatestBecomesIt) {
  const fs::path latest = folder_ / "exp/latest";
  fs::path path;
  {
    const RunDirectory run = create();
    path = run.path();
  }
  fs::rename(latest, path / ".latest");
  RunDirectory::resume(path).update_latest_link("exp");
  EXPECT_EQ(fs::read_symlink(latest), path.filename());
  EXPECT_FALSE(fs::exists(fs::symlink_status(path / ".latest")));
  fs::remove(latest);
  RunDirectory::resume(path).update_latest_link("another");
  EXPECT_FALSE(fs::exists(fs::symlink_status(latest)));
  fs::create_symlink("9999-12-31T000000-1", latest);  // the link to a newer run stays
  RunDirectory::resume(path).update_latest_link("exp");
  EXPECT_EQ(fs::read_symlink(latest), "9999-12-31T000000-1");
}

TEST_F(RunDirectoryTest, ResumeDropsATornRowAndItsIntervalsAtEveryCut) {
  fs::path path;
  {
    RunDirectory run = create();
    path = run.path();
    run.append(record(1));
    run.append(record(2));
  }
  const std::string whole = read(path / "trials.csv"), intervals = read(path / "intervals.csv");
  const std::string counters = read(path / "counters.csv");
  const std::size_t first = trials_header().size() + trial_row(record(1)).size();
  for (std::size_t cut = first; cut < whole.size(); cut += 13) {
    std::ofstream(path / "trials.csv", std::ios::binary) << whole.substr(0, cut);
    std::ofstream(path / "intervals.csv", std::ios::binary) << intervals;
    std::ofstream(path / "counters.csv", std::ios::binary) << counters;
    const RunDirectory run = RunDirectory::resume(path);
    ASSERT_TRUE(run.finished().contains("bulk", 1)) << cut;
    ASSERT_FALSE(run.finished().contains("bulk", 2)) << cut;
    ASSERT_EQ(read(path / "trials.csv"), whole.substr(0, first)) << cut;
    ASSERT_EQ(rows(path / "intervals.csv"), 1u) << cut;
    ASSERT_EQ(rows(path / "counters.csv"), 2u) << cut;
  }
}

TEST_F(RunDirectoryTest, FailedTrialsAreDroppedOnRequest) {
  TrialRecord failed = record(2);
  failed.status = Status::failed;
  fs::path path;
  {
    RunDirectory run = create();
    path = run.path();
    run.append(record(1));
    run.append(failed);
    run.append(record(3));
  }
  EXPECT_TRUE(RunDirectory::resume(path).finished().contains("bulk", 2));
  EXPECT_EQ(rows(path / "trials.csv"), 3u);
  const RunDirectory run = RunDirectory::resume(path, RunDirectory::Rerun::failed);
  EXPECT_FALSE(run.finished().contains("bulk", 2));
  EXPECT_TRUE(run.finished().contains("bulk", 1) && run.finished().contains("bulk", 3));
  EXPECT_EQ(rows(path / "trials.csv"), 2u);
  EXPECT_EQ(rows(path / "intervals.csv"), 2u);
  EXPECT_EQ(rows(path / "counters.csv"), 4u);
}

// The pairs of an incast are one trial: they run again together.
TEST_F(RunDirectoryTest, ATrialWithoutTheSumOfItsPairsIsDroppedWhole) {
  const Case& a = samples_.add_case("bulk", {{"size", "1"}, {"pair", "a"}});
  const Case& b = samples_.add_case("bulk", {{"size", "1"}, {"pair", "b"}});
  const Case& sum = samples_.add_case("bulk", {{"size", "1"}, {"pair", "sum"}});
  fs::path path;
  {
    RunDirectory run = create();
    path = run.path();
    for (const Case* each : {&a, &b, &sum}) run.append(samples_.transfer(*each, 1, 1000));
    run.append(samples_.transfer(a, 2, 1000));
    for (const Case* each : {&b, &sum}) run.append(samples_.failed(*each, 2));
    run.append(samples_.failed(a, 3));
    for (const Case* each : {&b, &sum}) run.append(samples_.failed(*each, 3, Status::interrupted));
    for (const Case* each : {&a, &b}) run.append(samples_.transfer(*each, 4, 1000));  // killed here
  }
  const auto finished = [&](RunDirectory::Rerun rerun) {
    const RunDirectory run = RunDirectory::resume(path, rerun, true);
    std::string blocks;
    for (std::uint64_t block = 1; block <= 4; ++block)
      for (const Case* each : {&a, &b, &sum})
        if (run.finished().contains(each->name, block)) blocks += std::to_string(block);
    return blocks;
  };
  EXPECT_EQ(finished(RunDirectory::Rerun::missing), "111222");
  EXPECT_EQ(rows(path / "trials.csv"), 6u);
  EXPECT_EQ(finished(RunDirectory::Rerun::failed), "111");
  EXPECT_EQ(rows(path / "trials.csv"), 3u);
}

// A kill between the counters of a trial and its row.
TEST_F(RunDirectoryTest, ResumeDropsTheCountersOfATrialWithoutARowAtEveryCut) {
  fs::path path;
  {
    RunDirectory run = create();
    path = run.path();
    run.append(record(1));
  }
  const std::string trials = read(path / "trials.csv"), first = read(path / "counters.csv");
  RunDirectory::resume(path).append(record(2));
  const std::string both = read(path / "counters.csv");
  for (std::size_t cut = first.size(); cut < both.size(); ++cut) {
    std::ofstream(path / "trials.csv", std::ios::binary) << trials;
    std::ofstream(path / "counters.csv", std::ios::binary) << both.substr(0, cut);
    RunDirectory::resume(path);
    ASSERT_EQ(read(path / "counters.csv"), first) << cut;
  }
}

TEST_F(RunDirectoryTest, ResumeOfARunWithoutCountersBeginsTheirFile) {
  fs::path path;
  {
    RunDirectory run = create();
    path = run.path();
    run.append(record(1));
  }
  fs::remove(path / "counters.csv");
  {
    RunDirectory run = RunDirectory::resume(path);
    EXPECT_EQ(read(path / "counters.csv"), counters_header());
    run.append(record(2));
  }
  EXPECT_EQ(rows(path / "trials.csv"), 2u);
  EXPECT_EQ(rows(path / "counters.csv"), 2u);
}

TEST_F(RunDirectoryTest, RoundTripsAreKeptAsPercentileText) {
  RunDirectory run = create();
  TrialRecord r = record(1);
  r.client.rtt.emplace();
  for (int i = 1; i <= 1000; ++i) r.client.rtt->record(i * 1000);
  run.append(r);
  const std::string text = read(run.path() / "histograms/bulk-1.hgrm");
  std::istringstream lines(text);
  double value = 0, percentile = 0, last = 0, count = 0;
  std::string word;
  lines >> word >> word >> word >> word;
  for (std::string line; std::getline(lines, line) && !line.starts_with('#');) {
    if (line.empty()) continue;
    ASSERT_GE(std::sscanf(line.c_str(), "%lf %lf %lf", &value, &percentile, &count), 3) << line;
    EXPECT_GE(value, last);
    EXPECT_NEAR(value, 1000 * percentile, 2) << line;  // µs, of a uniform ramp
    last = value;
  }
  EXPECT_EQ(percentile, 1);
  EXPECT_EQ(count, 1000);
  EXPECT_NE(text.find("#[Max     =     1000.000, Total count    =         1000]"),
            std::string::npos);
}

TEST_F(RunDirectoryTest, OneWriterAtATime) {
  const RunDirectory run = create();
  EXPECT_THROW(RunDirectory::resume(run.path()), UsageError);
}

TEST_F(RunDirectoryTest, OtherColumnsAreRefusedUntouched) {
  fs::path path;
  {
    const RunDirectory run = create();
    path = run.path();
  }
  std::ofstream(path / "trials.csv") << "schema_version,case\n0,x\n";
  EXPECT_THROW(RunDirectory::resume(path), UsageError);
  EXPECT_EQ(read(path / "trials.csv"), "schema_version,case\n0,x\n");
}

TEST_F(RunDirectoryTest, ADamagedFileIsRefusedUntouchedAndLosesNoRow) {
  fs::path path;
  {
    RunDirectory run = create();
    path = run.path();
    for (std::uint64_t block = 1; block <= 3; ++block) run.append(record(block));
  }
  std::string text = read(path / "trials.csv");
  text.insert(trials_header().size(), 1, '"');
  std::ofstream(path / "trials.csv", std::ios::binary) << text;
  EXPECT_THROW(RunDirectory::resume(path), CsvError);
  EXPECT_EQ(read(path / "trials.csv"), text);
}

TEST_F(RunDirectoryTest, AFolderThatIsNoRunIsRefusedAndLeftAlone) {
  fs::create_directories(folder_ / "other");
  EXPECT_THROW(RunDirectory::resume(folder_ / "other"), UsageError);
  EXPECT_TRUE(fs::is_empty(folder_ / "other"));
}

// Simulates a full disk: during its lifetime, no file can grow beyond `bytes`.
class FullDisk {
 public:
  explicit FullDisk(std::size_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, action_);
  }

 private:
  void (*const action_)(int) = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before_{};
};

TEST_F(RunDirectoryTest, AFullDiskIsAnErrorThatNamesTheFile) {
  RunDirectory run = create();
  std::string error;
  try {
    const FullDisk disk(trials_header().size() + 10);
    run.append(record(1));
  } catch (const std::system_error& e) {
    error = e.what();
  }
  EXPECT_NE(error.find(".csv"), std::string::npos) << error;
}

TEST_F(RunDirectoryTest, ARowCutByAFullDiskDoesNotSpoilTheNextRow) {
  RunDirectory run = create();
  run.append(record(1));
  for (const char* file : {"intervals.csv", "counters.csv", "trials.csv"}) {
    const FullDisk disk(fs::file_size(run.path() / file) + 10);
    EXPECT_THROW(run.append(record(2)), std::system_error) << file;
  }
  run.append(record(3));  // another trial, after space is free again
  EXPECT_EQ(rows(run.path() / "trials.csv"), 2u);
}

TEST(TrialFileStem, KeepsAPlainName) {
  EXPECT_EQ(trial_file_stem("bulk/engine=iperf3/message_size=4KiB", 3),
            "bulk_engine=iperf3_message_size=4KiB-3");
}

TEST(TrialFileStem, DiffersForEachName) {
  const std::string common(200, 'x');
  const std::vector<std::string> names = {
      "p/pin={client: 0}", "p/pin={client; 0}", "p/pin={client_ 0}", "p/a=1/b=2", "p/a=1_b=2",
      "p_a=1/b=2",         "p/a=1 b=2",         common + "1",        common + "2"};
  std::set<std::string> stems;
  for (const std::string& name : names) {
    const std::string stem = trial_file_stem(name, 1);
    stems.insert(stem);
    EXPECT_EQ(stem.find_first_of(":\"<>|*? ;{}"), std::string::npos) << stem;
    EXPECT_LE(stem.size(), 220u);
  }
  EXPECT_EQ(stems.size(), names.size());
}

TEST_F(RunDirectoryTest, ARowIsOneLineForEveryText) {
  RunDirectory run = create();
  TrialRecord failed = samples_.failed(case_, 1);
  failed.error = "sh -c 'one\ntwo' ended";
  run.append(failed);
  const std::string text = read(run.path() / "trials.csv");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST_F(RunDirectoryTest, ARunThatCannotBeginLeavesNoDirectory) {
  const FullDisk disk(20);  // enough for experiment.yaml, not for the headers
  EXPECT_THROW(create(), std::system_error);
  EXPECT_TRUE(fs::is_empty(folder_ / "exp"));
}

TEST_F(RunDirectoryTest, AFileThatCannotBeWrittenStaysAsItWas) {
  fs::create_directories(folder_);
  write_file_atomically(folder_ / "a", "old");
  {
    const FullDisk disk(5);
    EXPECT_THROW(write_file_atomically(folder_ / "a", "the new text"), std::system_error);
  }
  EXPECT_EQ(read(folder_ / "a"), "old");
  EXPECT_FALSE(fs::exists(folder_ / "a.tmp"));
}

}  // namespace
}  // namespace pingperf
