#include "harness/agent/launchers.h"

#include <gmock/gmock.h>

#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

Experiment parse(const std::string& hosts, const Overrides& overrides = {}) {
  return parse_experiment("name: e\nhosts:\n" + hosts +
                              "workloads:\n  a: {kind: latency, transport: tcp, matrix: {engine: "
                              "[blocking]}}\n",
                          "test.yaml", overrides);
}

TEST(Launchers, ThisMachineNeedsNone) {
  EXPECT_THAT(launchers_of(parse("  server: {address: 127.0.0.2}\n")), SizeIs(0));
  EXPECT_NO_THROW(refuse_launchers(parse("  server: {address: 127.0.0.2}\n")));
}

TEST(Launchers, HavePlaceAndCommand) {
  const auto found = launchers_of(
      parse("  client: {launch: [sh, -c, 'rm it; exec \"$@\"'], pingperf: /opt/pingperf}\n"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].location, "test.yaml:3:3");
  EXPECT_EQ(found[0].command, "sh -c 'rm it; exec \"$@\"' /opt/pingperf agent");
}

TEST(Launchers, ShortFormsAreCommandsToo) {
  const auto found = launchers_of(parse("  server: {ssh: bench2, address: 192.0.2.2}\n"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].command, StartsWith("ssh -o BatchMode=yes"));
  EXPECT_THAT(found[0].command, EndsWith(" agent"));
}

// Without a launcher, `pingperf:` is a program on this machine.
TEST(Launchers, APathOfPingperfAloneIsACommand) {
  const auto found = launchers_of(parse("  client: {pingperf: /tmp/anything}\n"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].command, "/tmp/anything agent");
}

TEST(Launchers, ACommandOfBothEndsIsListedOnce) {
  EXPECT_THAT(launchers_of(parse("  client: {netns: lab}\n  server: {netns: lab}\n")), SizeIs(1));
  EXPECT_THAT(launchers_of(parse("  client: {netns: a}\n  server: {netns: b}\n")), SizeIs(2));
}

TEST(Launchers, OnlyPairsWithCasesHaveThem) {
  const std::string pairs = "  pairs: [{client: {netns: a}}, {client: {netns: b}}]\n";
  EXPECT_THAT(launchers_of(parse(pairs)), SizeIs(2));
  const auto found = launchers_of(parse(pairs, {.set = {}, .only = {"*/pair=2"}}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].command, StartsWith("ip netns exec b "));
}

TEST(Launchers, ManyNodesOfAListShareALine) {
  const auto found = launchers_of(parse("  nodes: {ssh: \"n[001-400]\"}\n  pattern: ring\n"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].location, "test.yaml:3:16");
  EXPECT_THAT(found[0].command, HasSubstr(" '{node}' "));
  EXPECT_THAT(found[0].command, EndsWith(" agent (on 400 nodes, first n001)"));
}

TEST(Launchers, ControlCharactersAreEscaped) {
  const auto found = launchers_of(parse("  client: {launch: [\"a\\e[2Jb\", \"it's\", \"\"]}\n"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].command, StartsWith("'a\\x1b[2Jb' 'it'\\''s' '' "));
}

TEST(Launchers, AreRefusedWithTheirPlace) {
  try {
    refuse_launchers(parse("  client: {ssh: bench1}\n"));
    FAIL() << "not refused";
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), StartsWith("test.yaml:3:3: --no-launch: "));
    EXPECT_THAT(e.what(), HasSubstr("bench1"));
    EXPECT_THAT(e.what(), Not(HasSubstr("\n")));
  }
}

TEST(Launchers, LibrariesOfCasesAreCodeToo) {
  const Experiment experiment = parse_experiment(
      "name: x\nworkloads:\n  w: {kind: throughput, engine: iperf3, matrix: {streams: [1, 2], "
      "libiperf: [/opt/a b/lib, /opt/c]}}\n",
      "x.yaml");
  const auto found = launchers_of(experiment);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_THAT(found[0].command, testing::HasSubstr("'/opt/a b/lib'"));
  EXPECT_THROW(refuse_launchers(experiment), UsageError);
}

TEST(Launchers, OptionalArgumentsAndServersOfOthersAreShownAsSuch) {
  const auto found = launchers_of(parse_experiment(
      "name: x\nhosts: {server: {external: 192.0.2.1, port: 80}}\nprograms:\n  a: {kind: latency, "
      "server: [./s], client: [./c, {reverse: [-R]}]}\nworkloads:\n  w: {kind: latency, engine: "
      "a}\n",
      "x.yaml"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].command, "./c '[reverse: -R]' (as the client of program 'a')");
}

TEST(Launchers, TheEnvironmentAndTheFilesOfProgramsAreShown) {
  const auto found = launchers_of(
      parse_experiment("name: x\nprograms:\n  a: {kind: latency, client: [./c], cwd: /opt, env: "
                       "{LD_PRELOAD: ./x.so}, "
                       "copy_files: [c]}\nworkloads:\n  w: {kind: latency, engine: a}\n",
                       "x.yaml"));
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].command, "env -C /opt LD_PRELOAD=./x.so ./c (as the client of program 'a')");
  EXPECT_EQ(found[1].command, "c (copied to other hosts for program 'a')");
}

TEST(Launchers, TheFolderOfAProgramIsThatOfItsHost) {
  const auto commands_on = [](const std::string& hosts) {
    std::string text;
    for (const Launcher& launcher : launchers_of(parse_experiment(
             "name: x\n" + hosts + "programs:\n  a: {kind: latency, client: [./c], cwd: build}\n" +
                 "workloads:\n  w: {kind: latency, engine: a}\n",
             "/tmp/x.yaml")))
      text += launcher.command + "\n";
    return text;
  };
  EXPECT_THAT(commands_on(""), StartsWith("env -C /tmp/build ./c "));
  EXPECT_THAT(commands_on("lab: {}\n"), HasSubstr("env -C /tmp/build ./c "));
  EXPECT_THAT(commands_on("hosts: {client: {netns: n}}\n"), HasSubstr("\nenv -C build ./c "));
}

TEST(Launchers, CommandsOfUsedProgramsAreCodeToo) {
  const Experiment experiment = parse_experiment(
      "name: x\nprograms:\n  a: {kind: latency, server: [./s, '{port}'], client: [./c, 'x y']}\n"
      "  unused: {kind: latency, client: [./u]}\n"
      "workloads:\n  w: {kind: latency, engine: a}\n",
      "x.yaml");
  const auto found = launchers_of(experiment);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].location, "x.yaml:3:3");
  EXPECT_EQ(found[0].command, "./s '{port}' (as the server of program 'a')");
  EXPECT_EQ(found[1].command, "./c 'x y' (as the client of program 'a')");
  EXPECT_THROW(refuse_launchers(experiment), UsageError);
}

}  // namespace
}  // namespace pingperf
