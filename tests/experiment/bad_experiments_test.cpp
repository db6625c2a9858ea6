// Every wrong experiment gets one line with the place, the error and the correct form.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/verdicts/criteria_reader.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(PINGPERF_SOURCE_DIR) / "tests/bad";

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Reads the same as `pingperf check`.
void check(const Experiment& experiment) {
  read_criteria(experiment);
}

// Returns the error of loading `file`, or "" if it loads.
std::string error_of_file(const fs::path& file) {
  try {
    check(load_experiment(file));
    return "";
  } catch (const UsageError& e) {
    return e.what();
  }
}

std::vector<fs::path> bad_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  return files;
}

class BadExperiment : public testing::TestWithParam<fs::path> {};

TEST_P(BadExperiment, GetsItsOneLine) {
  const fs::path expected = (kFolder / GetParam()).replace_extension(".expected");
  std::string line;
  try {
    check(parse_experiment(read(kFolder / GetParam()), GetParam().string()));
  } catch (const UsageError& e) {
    line = e.what();
  }
  EXPECT_EQ(line + "\n", read(expected));
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(All, BadExperiment, testing::ValuesIn(bad_files()), [](const auto& file) {
  std::string name = file.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// Returns the errors of an experiment, one per line.
std::string errors_of(const std::string& text) {
  try {
    check(parse_experiment(text, "x.yaml"));
    return "";
  } catch (const UsageError& e) {
    return e.what();
  }
}

TEST(BadExperiments, ErrorsOfAllSectionsAreReportedTogether) {
  EXPECT_EQ(errors_of("name: a b\n"
                      "hosts: {client: {sssh: a}, server: {address: '0.0.0.0'}}\n"
                      "plan: {repetitions: many, order: sorted}\n"
                      "workloads:\n"
                      "  bulk: {kind: throughput, engine: blocking, message_size: 4K, stremas: 2}\n"
                      "  ping: {kind: latency, engine: blokcing}\n"),
            "x.yaml:1:7: name 'a b' must be of letters, digits, '_' and '-'\n"
            "x.yaml:2:18: unknown key 'sssh' in host 'client', did you mean 'ssh'?\n"
            "x.yaml:2:46: address: '0.0.0.0' is every address of a host: write the one that the "
            "client dials\n"
            "x.yaml:3:21: repetitions: 'many' is not a count: write plain digits\n"
            "x.yaml:3:34: unknown order 'sorted'; known: shuffled, sequential\n"
            "x.yaml:5:60: message_size: '4K' is not a size, did you mean '4KiB'?\n"
            "x.yaml:5:64: unknown key 'stremas' in workload 'bulk', did you mean 'streams'?\n"
            "x.yaml:6:33: unknown engine 'blokcing', did you mean 'blocking'?");
}

TEST(BadExperiments, ErrorsOfAllComparisonsAndGatesAreReportedTogether) {
  EXPECT_EQ(errors_of("name: x\n"
                      "workloads: {bulk: {kind: throughput, matrix: {engine: [blocking, epoll]}}}\n"
                      "compare: [{metric: troughput_bps, axis: engine, baseline: blocking}]\n"
                      "gates:\n"
                      "  - {metric: throughput_bps, at_least: 1G}\n"
                      "  - {metric: throughput_bps, at_lest: 1Gbit}\n"),
            "x.yaml:3:20: unknown metric 'troughput_bps', did you mean 'throughput_bps'?\n"
            "x.yaml:5:40: at_least: '1G' is no value of throughput_bps, did you mean '1Gbit'?\n"
            "x.yaml:6:30: unknown key 'at_lest' in a gate, did you mean 'at_least'?");
}

// Returns the lines without their texts: "3:21 3:34".
std::string places_of(const std::string& text) {
  std::istringstream lines(errors_of(text));
  std::string places;
  for (std::string line; std::getline(lines, line);)
    places += (places.empty() ? "" : " ") + line.substr(7, line.find(": ") - 7);
  return places;
}

const std::string kWorkload = "workloads: {w: {kind: latency, engine: blocking}}\n";

TEST(BadExperiments, AllErrorsOfAHostAreReportedInTheOrderOfTheFile) {
  EXPECT_EQ(places_of("name: x\n"
                      "hosts:\n"
                      "  server: {addr01: b, bind: host, copy: 1, ssh: -o, name: NA}\n"
                      "  client: {address: 0.0.0.0, launch: {}}\n" +
                      kWorkload),
            "3:12 3:29 3:41 3:49 3:59 4:21 4:38");
  EXPECT_EQ(places_of("name: x\n"
                      "hosts:\n"
                      "  server: {external: '0.0.0.0', port: 70000, ssh: b}\n" +
                      kWorkload),
            "3:22 3:39 3:46");
}

TEST(BadExperiments, AllErrorsOfAHostDoNotIncludeThoseThatFollow) {
  EXPECT_EQ(
      places_of("name: x\nhosts: {server: {addr01: 192.0.2.1, bind: 192.0.2.1}}\n" + kWorkload),
      "2:18");
}

TEST(BadExperiments, AllErrorsOfThePairsAreReported) {
  EXPECT_EQ(places_of("name: x\n"
                      "hosts:\n"
                      "  pairs:\n"
                      "    - {client: {sh: a}}\n"
                      "    - {server: {address: 0.0.0.0}, nm0: x}\n"
                      "  pattern: ring\n" +
                      kWorkload),
            "4:17 5:26 5:36 6:12");
}

TEST(BadExperiments, AllErrorsOfALabAreReported) {
  EXPECT_EQ(places_of("name: x\nlab: {rate: fast, loss: 2, mtu: 100, delya: 1ms, jitter: 1ms}\n" +
                      kWorkload),
            "2:13 2:25 2:33 2:38");
  EXPECT_EQ(places_of("name: x\nlab: {buffer: 1ms, jitter: 1ms, reorder: 1%}\n" + kWorkload),
            "2:15 2:28 2:42");
}

TEST(BadExperiments, AllErrorsOfAProgramAreReported) {
  EXPECT_EQ(
      places_of("name: x\n"
                "programs:\n"
                "  p:\n"
                "    kind: bulk\n"
                "    transp01: tcp\n"
                "    server: [./s, '{prot}', '{addr01}']\n"
                "    client: [./c, '{reverse', {nagle: [-n]}]\n"
                "    stop: TERM\n"
                "    exit_codes: [0, 300, x]\n"
                "    results: {throughput_bps: {jsn: /a}, rtt_p50_ns: {regex: a, of: server}}\n" +
                kWorkload),
      "4:11 5:5 6:19 6:29 7:19 7:32 8:11 9:21 9:26 10:32");
}

TEST(BadExperiments, AMisspeltServerOfAProgramHasNoErrorsThatFollow) {
  EXPECT_EQ(places_of("name: x\n"
                      "programs:\n"
                      "  p:\n"
                      "    kind: latency\n"
                      "    sever: [./s]\n"
                      "    client: [./c]\n"
                      "    ready: {line: up}\n"
                      "    results: {rtt_p50_ns: {regex: (.*), of: server}}\n" +
                      kWorkload),
            "5:5");
}

TEST(BadExperiments, AllErrorsOfAVariantAreReported) {
  EXPECT_EQ(places_of("name: x\n"
                      "variants:\n"
                      "  v:\n"
                      "    sysctl: {nodot: 1, net..a: 1}\n"
                      "    mtu: 1\n"
                      "    setup: [[ip], []]\n"
                      "    cgroup: {cpu: 0, memory: 1KiB}\n"
                      "    service: {on: router, run: [a, '{x}']}\n"
                      "    dial: no\n"
                      "    env: {a=b: 1}\n"
                      "    settle: 5\n" +
                      kWorkload),
            "4:14 4:24 5:10 6:19 7:19 7:30 8:19 8:36 9:11 10:11");
}

TEST(BadExperiments, AllErrorsOfAGateAndOfUntilAreReported) {
  EXPECT_EQ(
      places_of("name: x\n" + kWorkload +
                "plan: {until: {metric: [rtt_p50, rtt_p99], relative_ci: 200%, at_most: 1}}\n"),
      "3:25 3:34 3:57 3:72");
  EXPECT_EQ(places_of("name: x\n" + kWorkload +
                      "gates:\n"
                      "  - {metric: rtt_p50, workload: v, where: {transport: tpc}, at_most: 1ms, "
                      "inconclusive: maybe}\n"
                      "  - {metric: rtt_p50_ns, at_lest: 1, at_most: fast, missing: pass}\n"),
            "4:14 4:33 4:55 4:89 5:26");
}

TEST(BadExperiments, AllErrorsOfAComparisonAreReported) {
  EXPECT_EQ(places_of("name: x\n"
                      "workloads: {w: {kind: latency, matrix: {engine: [blocking, epoll]}}}\n"
                      "compare: [{metric: rtt, axis: engine, baseline: blokcing, wheer: {}}]\n"),
            "3:20 3:59");
}

TEST(BadExperiments, AMisspeltKeyOfAGateHasNoErrorsThatFollow) {
  const std::string begin =
      "name: x\nworkloads: {w: {kind: latency, matrix: {engine: [blocking, epoll]}}}\n";
  EXPECT_EQ(places_of(begin + "gates: [{metric: rtt_p50_ns, agai0st: run, at_most: 1.05}]\n"),
            "3:30");
  EXPECT_EQ(
      places_of(begin + "gates:\n"
                        "  - {metric: rtt_p50_ns, axis: engine, baselin: epoll, at_most: 2}\n"
                        "  - {metric: rtt_p50_ns, axsi: engine, baseline: epoll, at_most: 2}\n"),
      "4:40 5:26");
  EXPECT_EQ(places_of(begin + "compare:\n"
                              "  - {metric: rtt_p50_ns, axis: engine, baselin: epoll}\n"
                              "  - {metric: rtt_p50_ns, axsi: engine, baseline: epoll}\n"),
            "4:40 5:26");
  EXPECT_EQ(places_of(begin + "plan: {until: {metrc: rtt_p50_ns, relative_ci: 2%, at_most: 40}}\n"),
            "3:16");
}

TEST(BadExperiments, SingleValuesBesideAMisspeltKeyAreChecked) {
  const std::string begin = "name: x\n" + kWorkload;
  EXPECT_EQ(places_of(begin + "gates: [{metric: rtt, workload: v, agai0st: x, missing: no, "
                              "inconclusive: no}]\n"),
            "3:18 3:33 3:36 3:57 3:75");
  EXPECT_EQ(places_of(begin + "plan: {until: {metrc: rtt_p50_ns, relative_ci: 2, at_most: x}}\n"),
            "3:16 3:48 3:60");
}

TEST(BadExperiments, AnErrorInAMatrixIsReportedOnce) {
  EXPECT_EQ(errors_of("name: x\n"
                      "workloads:\n"
                      "  bulk: {kind: throughput, matrix: {engine: [blocking, epoll], "
                      "message_size: [1KiB, 4K]}}\n"),
            "x.yaml:3:85: message_size: '4K' is not a size, did you mean '4KiB'?");
}

TEST(BadExperiments, TenErrorsAreReportedAtMost) {
  std::string text = "name: x\nworkloads:\n";
  for (int i = 0; i < 20; ++i)
    text += "  w" + std::to_string(i) + ": {kind: latency, engine: none}\n";
  EXPECT_EQ(std::ranges::count(errors_of(text), '\n'), 9);
}

TEST(BadExperiments, OnlyKeysOfTheKindAndTheEngineAreSuggested) {
  const auto suggestion = [](const std::string& kind, const std::string& key) {
    const std::string error = errors_of("name: x\nworkloads: {w: {kind: " + kind +
                                        ", engine: blocking, " + key + ": 1}}\n");
    return error.substr(error.find("did"));
  };
  EXPECT_EQ(suggestion("throughput", "ratee"), "did you mean 'rate'?");
  EXPECT_EQ(suggestion("latency", "frequenc"), "did you mean 'frequency'?");
  EXPECT_EQ(suggestion("connect", "burts"), "did you mean 'burst'?");  // none of its own is near
}

TEST(BadExperiments, AKeyOfAnotherSectionIsAnsweredWithItsPath) {
  const auto suggestion = [](const std::string& line) {
    const std::string error = errors_of("name: x\n" + line + "\n" + kWorkload);
    return error.substr(error.find("did"));
  };
  EXPECT_EQ(suggestion("repetitions: 3"), "did you mean 'plan.repetitions'?");
  EXPECT_EQ(suggestion("duration: 2s"), "did you mean 'defaults.duration'?");
  EXPECT_EQ(suggestion("delay: 2ms"), "did you mean 'lab.delay'?");
  EXPECT_EQ(suggestion("bandwidth: 1mbit"), "did you mean 'defaults.rate'?");
  EXPECT_EQ(suggestion("parallel: 2"), "did you mean 'defaults.streams'?");
}

TEST(BadExperiments, WordsOfOtherToolsAreAnsweredWithTheKey) {
  for (const auto& [word, key] : {std::pair("parallel", "streams"),
                                  {"bandwidth", "rate"},
                                  {"window", "receive_buffer"},
                                  {"request_size", "message_size"},
                                  {"time", "duration"},
                                  {"mps", "rate"},
                                  {"host", "hosts.server.address"},
                                  {"repetitions", "plan.repetitions"},
                                  {"engine:blocking", "engine: blocking"}})
    EXPECT_EQ(errors_of("name: x\nworkloads:\n  a: {kind: throughput, engine: epoll, '" +
                        std::string(word) + "': 1}\n"),
              fmt::format("x.yaml:3:40: unknown key '{}' in workload 'a', did you mean '{}'?", word,
                          key));
}

TEST(BadExperiments, AnIntervalOfAnotherToolIsAFrequencyOrNeedsNoKey) {
  const auto answer = [](const std::string& kind) {
    const std::string error =
        errors_of("name: x\nworkloads: {w: {kind: " + kind + ", engine: blocking, interval: 1}}\n");
    return error.substr(error.find("workload 'w'") + 12);
  };
  EXPECT_EQ(answer("latency"), ", did you mean 'frequency'?");
  EXPECT_EQ(answer("throughput"), ": intervals.csv always has ten intervals per second");
}

TEST(BadExperiments, AMisspeltSectionIsNotFollowedByErrorsOfEngines) {
  const std::string workload = "workloads: {w: {kind: latency, engine: p}}\n";
  EXPECT_EQ(places_of("name: x\nprogams: {p: {}}\n" + workload), "2:1");
  EXPECT_EQ(places_of("name: x\ntools: {p: {}}\n" + workload), "2:1");
  EXPECT_EQ(places_of("name: x\ndescripton: a\n" + workload), "2:1 3:40");
}

TEST(BadExperiments, AKeyOfAGateInAComparisonIsReportedOnce) {
  const std::string start =
      "name: x\nworkloads: {w: {kind: latency, matrix: {engine: [blocking, epoll]}}}\n"
      "compare: [{metric: rtt_p50_ns, baseline: ";
  EXPECT_EQ(places_of(start + "blocking, axis: engine, candidate: x}]\n"), "3:66");
  EXPECT_EQ(places_of(start + "{workload: w}, candidate: x}]\n"), "3:57");
  EXPECT_EQ(places_of(start + "{workload: w}, other: x}]\n"), "3:57");  // and without an axis
}

TEST(BadExperiments, CharactersOfWordProcessorsAreNamed) {
  EXPECT_EQ(
      errors_of("name: x\nworkloads:\n  a: {kind: latency, engine: \u201cspin\u201d}\n"),
      "x.yaml:3:30: unknown engine '\u201cspin\u201d'; known: noop, blocking, spin, hybrid, epoll, "
      "io_uring, packet, xdp, splice, tls, iperf3 (column 30 has \u201c, U+201C: write \")");
  EXPECT_EQ(errors_of("name: x\nworkloads:\n  a: {kind: latency,\u00a0"
                      "engine: spin}\n"),
            "x.yaml:3:21: unknown key '\u00a0"
            "engine' in workload 'a', did you mean 'engine'? "
            "(column 21 has a no-break space, U+00A0: write a space)");
  EXPECT_EQ(
      errors_of("name: x\nworkloads:\n  a\uff1a {kind: latency, engine: spin}\n"),
      "x.yaml:3:30: not YAML: illegal map value: quote a text that has a colon (column 4 has a "
      "full-width colon, U+FF1A: write : and a space)");
}

TEST(BadExperiments, AreFortyAtLeast) {
  EXPECT_GE(bad_files().size(), 40u);
}

class BadFile : public testing::Test {
 protected:
  BadFile() { fs::create_directories(folder_); }
  ~BadFile() override { fs::remove_all(folder_); }
  const fs::path folder_ =
      fs::temp_directory_path() / ("pingperf-bad-" + std::to_string(::getpid()));
};

TEST_F(BadFile, AMissingFileIsReported) {
  EXPECT_EQ(error_of_file(folder_ / "no.yaml"),
            (folder_ / "no.yaml").string() + ": No such file or directory");
}

TEST_F(BadFile, ErrorsOfOneFileStandTogether) {
  const fs::path file = folder_ / "x.yaml", programs = folder_ / "p.yaml";
  std::ofstream(programs) << "programs:\n  p:\n    kind: bulk\n\n\n    client: []\n";
  std::ofstream(file) << "name: a b\nuse: [p.yaml]\n\n\nplan:\n  seed: x\n"
                         "workloads: {w: {kind: latency, engine: blocking}}\n";
  const std::string errors = error_of_file(file);
  const auto at = [&](const fs::path& of, const std::string& place) {
    return errors.find(of.string() + place);
  };
  EXPECT_EQ(at(file, ":1:7"), 0u) << errors;
  EXPECT_LT(at(file, ":6:9"), at(programs, ":3:11")) << errors;
  EXPECT_LT(at(programs, ":3:11"), at(programs, ":6:13")) << errors;
  EXPECT_NE(at(programs, ":6:13"), std::string::npos) << errors;
}

TEST_F(BadFile, ADirectoryIsNoExperiment) {
  EXPECT_EQ(error_of_file(folder_), folder_.string() + ": is a directory, not an experiment file");
}

TEST_F(BadFile, AHundredMegabytesAreRefusedUnread) {
  const fs::path file = folder_ / "large.yaml";
  std::ofstream(file).close();
  fs::resize_file(file, 100'000'000);  // sparse
  EXPECT_EQ(error_of_file(file),
            file.string() +
                ": is larger than an experiment can be (100000000 bytes, at most "
                "1048576)");
}

TEST_F(BadFile, APipeIsRefusedInsteadOfWaitedFor) {
  const fs::path file = folder_ / "pipe.yaml";
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(error_of_file(file), file.string() + ": is not a regular file");
}

TEST_F(BadFile, OtherEncodingsAreNamed) {
  const fs::path file = folder_ / "x.yaml";
  std::ofstream(file) << std::string("\xff\xfen\0", 4);
  EXPECT_EQ(error_of_file(file), file.string() + ": is UTF-16: save it as UTF-8");
  std::ofstream(file) << "\xef\xbb\xbfname: x\r\nworkloads: {a: {kind: latency, engine: spin}}\r\n";
  EXPECT_EQ(error_of_file(file), "");
}

TEST_F(BadFile, OddCharactersAreNamedAlsoIfTheFileUsesOthers) {
  const fs::path file = folder_ / "x.yaml";
  std::ofstream(file) << "name: x\nuse: [a.yaml]\nhosts: {a: \u201cb: c}: d\n";
  EXPECT_NE(error_of_file(file).find("U+201C"), std::string::npos) << error_of_file(file);
}

TEST_F(BadFile, BinaryDataAreNoText) {
  EXPECT_THROW(parse_experiment(std::string("name: x\0y", 9), "x.yaml"), UsageError);
}

// Root can read every file, so a child process reads it without root's rights.
TEST_F(BadFile, MissingPermissionIsReported) {
  const fs::path file = folder_ / "secret.yaml";
  std::ofstream(file) << "name: x\n";
  fs::permissions(folder_, fs::perms::all);
  fs::permissions(file, fs::perms::none);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
    ::_exit(error_of_file(file) == file.string() + ": Permission denied" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 3) GTEST_SKIP() << "cannot give up root here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(BadExperiments, AliasesOfAliasesAreStopped) {
  std::string text = "name: x\na0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) text += (k ? ", " : "") + alias;
    text += "]\n";
  }
  try {
    parse_experiment(text, "bomb.yaml");
    FAIL() << "parsed a bomb";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("too large for an experiment"), std::string::npos);
  }
}

TEST(BadExperiments, DeepNestingIsStopped) {
  const std::string text = "name: x\na: " + std::string(100'000, '[');
  EXPECT_THROW(parse_experiment(text, "deep.yaml"), UsageError);
}

}  // namespace
}  // namespace pingperf
