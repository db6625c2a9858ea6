// The store of runs: identity, labels, filters, several writers, and files that are not as
// expected.
#include "harness/history/history.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "harness/base/usage_error.h"
#include "harness/history/history_entry.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Added = History::Added;

class HistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  // Returns the entry of a run on day `day` of January, with one trial per throughput.
  HistoryEntry entry(int day, const std::vector<double>& throughputs,
                     const std::map<std::string, std::string>& labels = {},
                     const std::string& experiment = "nightly") const {
    const std::string name = "202601" + std::to_string(10 + day) + "T030000Z-1";
    fs::create_directories(folder / name);
    std::ofstream csv(folder / name / "trials.csv");
    csv << "run,experiment,workload,case,block,status,engine,throughput_bps,retransmits,client_"
           "host\n";
    for (std::size_t i = 0; i < throughputs.size(); ++i)
      csv << name << "," << experiment << ",bulk,bulk/engine=epoll," << i + 1 << ",ok,epoll,"
          << throughputs[i] << ",,here\n";
    csv.close();
    return history_entry(RunSet::read({(folder / name).string()}).runs().front(), "", labels);
  }

  std::string error_of(History::Access access) const {
    try {
      History history(store, access);
      history.runs({});
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  }

  std::string bytes() const {
    std::ifstream file(store, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  static std::vector<std::string> days(const std::vector<HistoryRun>& runs) {
    std::vector<std::string> days;
    for (const HistoryRun& run : runs) days.push_back(run.started_at.substr(8, 2));
    return days;
  }

  const fs::path folder =
      fs::path(testing::TempDir()) / ("pingperf-history-" + std::to_string(::getpid()));
  const fs::path store = folder / "history.db";
};

TEST_F(HistoryTest, ARunThatIsAddedTwiceIsOneRun) {
  History history(store, History::Access::write);
  EXPECT_EQ(history.add(entry(1, {10, 20, 60})), Added::added);
  EXPECT_EQ(history.add(entry(1, {10, 20, 60})), Added::unchanged);
  EXPECT_EQ(history.add(entry(2, {10})), Added::added);
  EXPECT_THAT(history.runs({}), SizeIs(2));
  const auto points = history.points("throughput_bps", {1, 2});
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[0].value, 20);
  EXPECT_EQ(history.case_names().at(points[0].case_id), "bulk/engine=epoll");
  EXPECT_EQ(history.parameters(points[0].parameters), "engine=epoll");
  EXPECT_THAT(history.points("retransmits", {1, 2}), IsEmpty());
}

TEST_F(HistoryTest, ARepairedRunReplacesItsStoredOne) {
  History history(store, History::Access::write);
  history.add(entry(1, {10}, {{"commit", "a"}}));
  history.add(entry(2, {10}));
  EXPECT_EQ(history.add(entry(1, {10, 30}, {{"branch", "main"}})), Added::updated);
  ASSERT_THAT(history.runs({}), SizeIs(2));
  const HistoryRun run = *history.run("1");
  EXPECT_EQ(run.name, "20260111T030000Z-1");
  EXPECT_THAT(run.labels, ElementsAre(std::pair("branch", "main"), std::pair("commit", "a")));
  EXPECT_EQ(history.points("throughput_bps", {run.id}).front().value, 20);
  EXPECT_THAT(history_trials(history, run).rows(), SizeIs(2));
}

// `run --resume --failed` drops failed trials and appends new ones, so another trial is the first.
TEST_F(HistoryTest, ARunWhoseFirstTrialWasRepairedReplacesItsStoredOne) {
  const fs::path run = folder / "20260111T030000Z-1";
  fs::create_directories(run);
  std::ofstream(run / "environment.json")
      << R"({"hosts": {"client": {"hostname": "a"}, "server": {"hostname": "b"}}})";
  History history(store, History::Access::write);
  const auto add = [&](const std::string& rows) {
    std::ofstream(run / "trials.csv")
        << "run,experiment,workload,case,block,status,throughput_bps,client_host,server_host\n"
        << rows;
    return history.add(history_entry(RunSet::read({run.string()}).runs().front(), "", {}));
  };
  const std::string head = "20260111T030000Z-1,nightly,bulk,bulk,";
  EXPECT_EQ(add(head + "1,failed,,a,\n" + head + "2,ok,10,c,d\n"), Added::added);
  EXPECT_EQ(add(head + "2,ok,10,c,d\n" + head + "1,ok,20,a,b\n"), Added::updated);
  ASSERT_THAT(history.runs({}), SizeIs(1));
  EXPECT_EQ(history.runs({}).front().machine, "a → b");
}

TEST_F(HistoryTest, RunsAreSelected) {
  History history(store, History::Access::write);
  history.add(entry(3, {10}, {{"branch", "main"}}));
  history.add(entry(1, {10}, {{"branch", "main"}, {"commit", "a"}}));
  history.add(entry(2, {10}, {{"branch", "topic"}, {"commit", "b"}}));
  history.add(entry(4, {10}, {}, "other"));
  EXPECT_THAT(days(history.runs({})), ElementsAre("11", "12", "13", "14"));
  EXPECT_THAT(days(history.runs({.experiment = "nightly", .last = 2})), ElementsAre("12", "13"));
  EXPECT_THAT(days(history.runs({.labels = {{"branch", "main"}}})), ElementsAre("11", "13"));
  EXPECT_THAT(days(history.runs({.since = "commit=b"})), ElementsAre("12", "13", "14"));
  EXPECT_THAT(days(history.runs({.since = "2026-01-13"})), ElementsAre("13", "14"));
  EXPECT_THAT(history.runs({.machine = "elsewhere"}), IsEmpty());
  EXPECT_THROW(history.runs({.since = "commit=c"}), UsageError);
}

TEST_F(HistoryTest, RemovedRunsLeaveNothing) {
  History history(store, History::Access::write);
  for (int day : {1, 2, 3}) history.add(entry(day, {10}, {{"day", std::to_string(day)}}));
  history.remove({*history.run("1"), *history.run("2")});
  EXPECT_THAT(days(history.runs({})), ElementsAre("13"));
  EXPECT_THAT(history.points("throughput_bps", {1, 2, 3}), SizeIs(1));
  EXPECT_EQ(history.trials(1), "");
  EXPECT_THROW(history.runs({.since = "day=1"}), UsageError);
}

TEST_F(HistoryTest, AReaderSeesOneMoment) {
  History writer(store, History::Access::write);
  writer.add(entry(1, {10}));
  History reader(store, History::Access::read);
  writer.add(entry(2, {10}));
  EXPECT_THAT(reader.runs({}), SizeIs(1));
  EXPECT_THAT(History(store, History::Access::read).runs({}), SizeIs(2));
}

TEST_F(HistoryTest, AReaderWhoMayNotWriteReads) {
  History(store, History::Access::write).add(entry(1, {10, 11}));
  fs::permissions(folder, fs::perms(0555));
  fs::permissions(store, fs::perms(0444));
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(::seteuid(65534), 0);  // nobody
  }
  const std::string error = error_of(History::Access::read);
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  fs::permissions(folder, fs::perms(0755));
  EXPECT_EQ(error, "");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2) << "the store and one run";
}

TEST_F(HistoryTest, SeveralWritersCreateAndFillOneFile) {
  std::vector<HistoryEntry> entries;
  for (int day = 0; day < 20; ++day) entries.push_back(entry(day, {10}));
  std::vector<pid_t> children;
  for (std::size_t writer = 0; writer < 4; ++writer) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        for (std::size_t i = writer; i < entries.size(); i += 4)
          History(store, History::Access::write).add(entries[i]);
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_THAT(History(store, History::Access::read).runs({}), SizeIs(20));
}

TEST_F(HistoryTest, AKilledWriterLosesNoCommittedRun) {
  const HistoryEntry first = entry(0, {10});
  for (int round = 1; round <= 5; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      History history(store, History::Access::write);
      for (int i = 0;; ++i) {
        HistoryEntry next = first;
        next.identity = std::to_string(round * 1'000'000 + i);
        history.add(next);
        if (::write(pipe[1], "x", 1) != 1) ::_exit(1);
      }
    }
    char byte;
    for (int i = 0; i < 3 * round; ++i) ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(pipe[1]);
    ::close(pipe[0]);
    EXPECT_GE(History(store, History::Access::read).runs({}).size(),
              static_cast<std::size_t>(3 * round));
  }
  Database database(store, Database::Access::read);
  SqlStatement check = database.prepare("PRAGMA integrity_check");
  ASSERT_TRUE(check.step());
  EXPECT_EQ(check.text(0), "ok");
}

TEST_F(HistoryTest, FilesThatAreNoHistoryAreRefusedAndUntouched) {
  EXPECT_THAT(error_of(History::Access::read), HasSubstr("history add RUN"));
  for (const std::string& content : {std::string("run,case\n1,2\n"), std::string(5000, 'x')}) {
    std::ofstream(store) << content;
    for (History::Access access : {History::Access::read, History::Access::write})
      EXPECT_THAT(error_of(access), HasSubstr("history.db: no SQLite database"));
    EXPECT_EQ(bytes(), content);
  }
  fs::remove(store);
  Database(store, Database::Access::write).run("CREATE TABLE mine(x)");
  const std::string before = bytes();
  EXPECT_THAT(error_of(History::Access::write), HasSubstr("no history of pingperf"));
  EXPECT_EQ(bytes(), before);
}

TEST_F(HistoryTest, ADamagedFileIsReportedAndUntouched) {
  {
    History history(store, History::Access::write);
    for (int day = 1; day < 30; ++day) history.add(entry(day, {10, 20, 30}));
  }
  std::string damaged = bytes();
  std::fill(damaged.begin() + 4096, damaged.end(), '\xff');
  std::ofstream(store, std::ios::binary) << damaged;
  EXPECT_THAT(error_of(History::Access::read), HasSubstr("damaged"));
  try {
    History(store, History::Access::write).add(entry(30, {10}));
    ADD_FAILURE() << "no error";
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), HasSubstr("damaged"));
  }
  EXPECT_EQ(bytes(), damaged);
}

TEST_F(HistoryTest, ANewerVersionIsRefusedAndUntouched) {
  History(store, History::Access::write).add(entry(1, {10}));
  Database(store, Database::Access::write).run("PRAGMA user_version = 99");
  const std::string before = bytes();
  EXPECT_THAT(error_of(History::Access::write), HasSubstr("install a newer pingperf"));
  EXPECT_EQ(bytes(), before);
}

// tests/history/version-1.sql was dumped by the first version. It never changes.
TEST_F(HistoryTest, AFileOfTheFirstVersionIsReadAndContinued) {
  std::ifstream file(PINGPERF_SOURCE_DIR "/tests/history/version-1.sql");
  std::ostringstream sql;
  sql << file.rdbuf();
  Database(store, Database::Access::write).run(sql.str());
  Database(store, Database::Access::write)
      .run(
          "INSERT INTO case_name VALUES(2, 'a/engine=null'), (3, 'a/engine=nullx/b=engine=null');"
          "INSERT INTO parameters VALUES(2, 'kind=latency engine=null transport=tcp')");
  const auto expect_content = [](History& history) {
    ASSERT_THAT(history.runs({.since = "commit=first"}), SizeIs(2));
    EXPECT_EQ(history.run("1")->facts.at("kernel"), "Linux 6.1");
    EXPECT_EQ(history.points("throughput_bps", {1, 2}).back().value, 20);
    EXPECT_THAT(history.case_names(), ElementsAre(testing::_, std::pair(2, "a/engine=noop"),
                                                  std::pair(3, "a/engine=nullx/b=engine=null")));
    EXPECT_EQ(history.parameters(2), "kind=latency engine=noop transport=tcp");
  };
  const std::string before = bytes();
  {
    History reader(store, History::Access::read);
    expect_content(reader);
  }
  EXPECT_EQ(bytes(), before) << "a reader changes nothing";
  History history(store, History::Access::write);
  expect_content(history);
  EXPECT_EQ(history.add(entry(1, {10})), Added::updated);
  EXPECT_EQ(history.add(entry(3, {10})), Added::added);
  EXPECT_EQ(Database(store, Database::Access::read).integer("PRAGMA user_version"),
            History::kVersion);
}

TEST_F(HistoryTest, TheLabelsOfARunAreItsLabelsHere) {
  const HistoryEntry plain = entry(1, {10});
  std::ofstream(fs::path(plain.run.directory) / "trials.csv")
      << "run,experiment,workload,case,block,status,started_at,throughput_bps,commit,branch\n"
         "r,e,w,w,1,ok,2026-01-11T03:00:00.000Z,10,1a2b,main\n";
  const auto runs = RunSet::read({plain.run.directory});
  EXPECT_THAT(history_entry(runs.runs().front(), "", {{"commit", "given"}}).run.labels,
              ElementsAre(std::pair("branch", "main"), std::pair("commit", "given")));
}

TEST_F(HistoryTest, TwoRunsOfOneSecondAreTwoRuns) {
  HistoryEntry first = entry(1, {10}), second = first, unknown = first;
  first.run_id = "a";
  second.run_id = "b";
  History history(store, History::Access::write);
  EXPECT_EQ(history.add(first), Added::added);
  EXPECT_EQ(history.add(second), Added::added);
  EXPECT_EQ(history.add(first), Added::unchanged);
  EXPECT_EQ(history.add(unknown), Added::unchanged);  // its trials.csv alone: one of them
  EXPECT_THAT(history.runs({}), SizeIs(2));
}

TEST_F(HistoryTest, ARunWithoutAnIdIsContinuedWithOne) {
  HistoryEntry run = entry(1, {10});
  History history(store, History::Access::write);
  EXPECT_EQ(history.add(run), Added::added);
  run.run_id = "a";
  run.environment = "{}";
  EXPECT_EQ(history.add(run), Added::updated);
  EXPECT_THAT(history.runs({}), SizeIs(1));
}

TEST_F(HistoryTest, TheFactsOfAllPairsAreKept) {
  const HistoryEntry plain = entry(1, {10});
  std::ofstream(fs::path(plain.run.directory) / "environment.json") << R"({
    "hosts": {"client": {"hostname": "a", "kernel": "Linux 1"}, "server": {"hostname": "b", "kernel": "Linux 2"}},
    "pairs": {"1": {"client": {"kernel": "Linux 1"}, "server": {"kernel": "Linux 2"}},
              "2": {"client": {"kernel": "Linux 3"}, "server": {"kernel": "Linux 3"}}}})";
  const HistoryRun run =
      history_entry(RunSet::read({plain.run.directory}).runs().front(), "", {}).run;
  EXPECT_EQ(run.machine, "a → b");
  EXPECT_THAT(run.facts, ElementsAre(std::pair("pair 1 client kernel", "Linux 1"),
                                     std::pair("pair 1 server kernel", "Linux 2"),
                                     std::pair("pair 2 kernel", "Linux 3")));
}

TEST(ChangedFacts, AChangeOfOneOfTwoEqualHostsIsSeen) {
  using Facts = std::map<std::string, std::string>;
  const auto lines = [](const Facts& before, const Facts& after) {
    HistoryRun old_run, new_run;
    old_run.facts = before;
    new_run.facts = after;
    return changed_facts(old_run, new_run);
  };
  EXPECT_THAT(lines({{"kernel", "1"}}, {{"kernel", "2"}}), ElementsAre("kernel: 1, now 2"));
  EXPECT_THAT(lines({{"kernel", "1"}}, {{"client kernel", "1"}, {"server kernel", "2"}}),
              ElementsAre("server kernel: 1, now 2"));
  EXPECT_THAT(lines({{"client kernel", "1"}, {"server kernel", "2"}}, {{"kernel", "2"}}),
              ElementsAre("client kernel: 1, now 2"));
  EXPECT_THAT(lines({{"pair 2 cpus", "4"}, {"pair 3 cpus", "4"}},
                    {{"pair 2 client cpus", "8"}, {"pair 2 server cpus", "4"}}),
              ElementsAre("pair 2 client cpus: 4, now 8"));
  EXPECT_THAT(lines({{"client kernel", "1"}}, {{"kernel", "1"}, {"cpus", "4"}}), IsEmpty());
}

}  // namespace
}  // namespace pingperf
