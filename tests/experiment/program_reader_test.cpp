// Programs in an experiment. tests/bad/ has the wrong ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kProgram = R"yaml(
programs:
  mine:
    kind: throughput
    transport: udp
    server: [./server, "{port}", 7, ""]
    client: [./client, "{address}", {reverse: [-R, "{seed}"]}, "{duration_s}"]
    parameters: [message_size]
    results:
      throughput_bps: {json: /end/rate, scale: 8}
      loss_ratio: {regex: "lost (.*)", of: server}
    ready: {line: "^listening"}
    stop: SIGINT
    exit_codes: [0, 2]
    env: {MODE: fast, SIZE: "{message_size_bytes}"}
    cwd: /opt
    copy_files: [./server, client]
)yaml";

Experiment experiment_with(const std::string& workload, const std::string& programs = kProgram) {
  return parse_experiment("name: x" + programs + "workloads:\n  w: " + workload + "\n", "x.yaml");
}

TEST(Programs, EveryKeyIsRead) {
  const Experiment e = experiment_with("{kind: throughput, engine: mine, transport: udp}");
  const Program& p = *e.programs.at(0);
  EXPECT_EQ(p.name, "mine");
  EXPECT_EQ(p.location, "x.yaml:3:3");
  ASSERT_EQ(p.server.arguments.size(), 4u);
  EXPECT_EQ(p.server.arguments[2].text, "7");
  EXPECT_EQ(p.server.arguments[3].text, "");
  ASSERT_EQ(p.client.arguments.size(), 5u);
  EXPECT_EQ(p.client.arguments[3].text, "{seed}");
  EXPECT_EQ(p.client.arguments[3].condition, "reverse");
  ASSERT_EQ(p.client.figures.size(), 1u);
  EXPECT_EQ(p.client.figures[0].json, "/end/rate");
  EXPECT_EQ(p.client.figures[0].scale, 8);
  ASSERT_EQ(p.server.figures.size(), 1u);
  EXPECT_EQ(p.server.figures[0].regex, "lost (.*)");
  EXPECT_EQ(p.server.ready.when, ProgramReady::When::line);
  EXPECT_EQ(p.server.stop_signal, SIGINT);
  EXPECT_THAT(p.client.exit_codes, ElementsAre(0, 2));
  EXPECT_THAT(p.client.environment, ElementsAre(testing::Pair("MODE", "fast"),
                                                testing::Pair("SIZE", "{message_size_bytes}")));
  EXPECT_EQ(p.server.directory, "/opt");
  EXPECT_THAT(p.copy_files, ElementsAre("./server", "client"));
}

TEST(Programs, OnlyTheServerEndsItself) {
  const Experiment e = experiment_with("{kind: throughput, engine: mine}", R"yaml(
programs:
  mine: {kind: throughput, server: [a, "{port}"], client: [b, "{duration_s}"], stop: self}
)yaml");
  EXPECT_EQ(e.programs.at(0)->server.stop_signal, ProgramEnd::kEndsItself);
  EXPECT_EQ(e.programs.at(0)->client.stop_signal, SIGTERM);
}

TEST(Programs, AreEnginesOfTheirCases) {
  const Experiment e = experiment_with(
      "{kind: throughput, transport: udp, message_size: 1KiB, matrix: {engine: [blocking, mine]}}");
  ASSERT_EQ(e.cases.size(), 2u);
  EXPECT_EQ(e.cases[0].program, nullptr);
  EXPECT_EQ(e.cases[1].name, "w/engine=mine");
  EXPECT_EQ(e.cases[1].program, e.programs[0]);
  EXPECT_EQ(e.cases[1].engine, &e.programs[0]->engine);
  EXPECT_EQ(e.cases[1].options->message_size, 1024u);
}

TEST(Programs, HonourWhatTheirCommandsNameAndWhatIsListed) {
  const Experiment e = experiment_with("{kind: throughput, engine: mine, transport: udp}");
  const Engine& engine = e.programs[0]->engine;
  for (const char* const name : {"duration", "reverse", "message_size", "pin.client", "ip", "port"})
    EXPECT_TRUE(engine.honours(name)) << name;
  for (const char* const name : {"warmup", "streams", "rate"})
    EXPECT_FALSE(engine.honours(name)) << name;
}

TEST(Programs, ADefaultThatTheyDoNotHonourIsNotTheirs) {
  const Experiment e = parse_experiment(
      "name: x" + kProgram +
          "defaults: {warmup: 1s}\nworkloads:\n  w: {kind: throughput, transport: udp, matrix: "
          "{engine: [blocking, mine]}}\n",
      "x.yaml");
  EXPECT_EQ(e.cases[0].options->warmup, kSecond);
  EXPECT_EQ(e.cases[1].options->warmup, std::nullopt);
}

TEST(Programs, MayHaveEveryKindAndTransport) {
  for (const std::string_view kind : kind_names())
    for (const std::string_view transport : transport_names()) {
      const std::string shape =
          "{kind: " + std::string(kind) + ", transport: " + std::string(transport);
      const Experiment e = experiment_with(shape + ", engine: p}",
                                           "\nprograms:\n  p: " + shape + ", client: [./c]}\n");
      EXPECT_EQ(e.cases.at(0).program, e.programs.at(0)) << shape;
    }
}

TEST(Programs, MayBeABackground) {
  const Experiment e = experiment_with(
      "{kind: latency, engine: blocking, background: {kind: throughput, engine: mine, transport: "
      "udp}}");
  ASSERT_EQ(e.cases.size(), 2u);
  EXPECT_EQ(e.cases[1].background->program, e.programs[0]);
  // It has no warmup: 1 s before the ping's warmup of 0.2 s and second, and a tail, in whole
  // seconds.
  EXPECT_EQ(e.cases[1].background->options->warmup, std::nullopt);
  EXPECT_EQ(e.cases[1].background->options->duration, 3 * kSecond);
}

class UsedFiles : public testing::Test {
 protected:
  UsedFiles() { fs::create_directories(folder_ / "programs"); }
  ~UsedFiles() override { fs::remove_all(folder_); }
  void write(const fs::path& file, const std::string& text) {
    std::ofstream(folder_ / file) << text;
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("pingperf-use-test-" + std::to_string(::getpid()));
};

TEST_F(UsedFiles, AreReadBesideTheExperimentAndKeptWithIt) {
  write("programs/a.yaml", "description: two\n" + kProgram.substr(1));
  write("x.yaml",
        "name: x\nuse: [programs/a.yaml]\nworkloads:\n  w: {kind: throughput, transport: udp, "
        "engine: mine}");
  const std::string text = read_experiment(folder_ / "x.yaml");
  fs::remove_all(folder_ / "programs");
  const Experiment e = parse_experiment(text, "elsewhere/experiment.yaml");
  EXPECT_EQ(e.cases.at(0).program->name, "mine");
  EXPECT_EQ(e.programs[0]->location, "elsewhere/programs/a.yaml:3:3");
  write("experiment.yaml", text);  // as in a run's directory
  EXPECT_EQ(read_experiment(folder_ / "experiment.yaml"), text);
}

TEST_F(UsedFiles, AMissingOneIsAnErrorAtItsPlace) {
  write("x.yaml", "name: x\nuse: [none.yaml]\nworkloads: {w: {kind: latency, engine: spin}}\n");
  try {
    load_experiment(folder_ / "x.yaml");
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), HasSubstr("x.yaml:2:7: use: "));
    EXPECT_THAT(e.what(), HasSubstr("none.yaml: No such file or directory"));
  }
}

}  // namespace
}  // namespace pingperf
