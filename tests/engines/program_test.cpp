// Programs: the arguments of their commands, their output, and one end run in this process.
#include "harness/engines/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "harness/engines/program_arguments.h"
#include "harness/engines/program_output.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Options some_options() {
  Options o;
  o.message_size = 64;
  o.duration = 1500 * kMillisecond;
  o.reverse = true;
  o.nodelay = false;
  return o;
}

std::string expanded(std::string_view text) {
  const Options options = some_options();
  return expand(text, ProgramValues{options, "192.0.2.1", 7007, 42});
}

TEST(ProgramArguments, PlaceholdersAreValuesInTheUnitOfTheirColumn) {
  EXPECT_EQ(expanded("{address}:{port}"), "192.0.2.1:7007");
  EXPECT_EQ(expanded("--for={duration_s}s"), "--for=1.5s");
  EXPECT_EQ(expanded("{message_size_bytes},{next_port},{seed}"), "64,7008,42");
}

TEST(ProgramArguments, DoubledBracesAreBraces) {
  EXPECT_EQ(expanded("{{{port}}}"), "{7007}");
  EXPECT_EQ(expanded("a{{b}}c"), "a{b}c");
}

TEST(ProgramArguments, AValueIsNotReadAgain) {
  Options options = some_options();
  options.congestion_control = "{port} $(reboot) ; \"x";
  EXPECT_EQ(expand("-C{congestion_control}", ProgramValues{options, "a", 1, 2}),
            "-C{port} $(reboot) ; \"x");
}

TEST(ProgramArguments, ErrorsNameTheArgument) {
  EXPECT_EQ(error_of_argument("{port}"), std::nullopt);
  EXPECT_THAT(error_of_argument("{prt}").value(), HasSubstr("did you mean 'port'"));
  EXPECT_THAT(error_of_argument("%{json}").value(),  // of curl -w
              HasSubstr("{json}: write {{json}} if the tool has to get {json}; known: address"));
  for (const char* const text : {"{port", "port}", "{a{port}}", "{", "}", "{{}"})
    EXPECT_THAT(error_of_argument(text).value(), HasSubstr("unbalanced")) << text;
}

TEST(ProgramArguments, ConditionalArgumentsNeedAValueThatIsNotFalse) {
  ProgramEnd end;
  end.arguments = {{"iperf3"},     {"-R", "reverse"},      {"-N", "nodelay"},
                   {"-b", "rate"}, {"{rate_bps}", "rate"}, {"-l", "message_size"}};
  Options options = some_options();
  EXPECT_THAT(expand(end, {options, "a", 1, 2}), ElementsAre("iperf3", "-R", "-l"));
  EXPECT_EQ(missing_value(end, options), std::nullopt);
  options.rate_bps = 1000;
  EXPECT_THAT(expand(end, {options, "a", 1, 2}), ElementsAre("iperf3", "-R", "-b", "1000", "-l"));
  EXPECT_THAT(parameters_named(end), ElementsAre("rate", "reverse", "nodelay", "message_size"));
}

TEST(ProgramArguments, APlaceholderWithoutAValueIsMissing) {
  ProgramEnd end;
  end.arguments = {{"x"}, {"{streams}"}};
  EXPECT_EQ(missing_value(end, some_options()), "streams");
}

// Returns the measurement of a program that prints `text`.
Measurement printed(std::string_view text, std::vector<ProgramFigure> figures = {}) {
  ProgramEnd end;
  end.figures = std::move(figures);
  ProgramOutput output(end);
  output.add(text);
  return output.finish();
}

// Returns the error of a program that prints `text`.
std::string error_of(std::string_view text, std::vector<ProgramFigure> figures = {}) {
  try {
    printed(text, std::move(figures));
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

TEST(ProgramOutput, JsonPointersReadTheLastValue) {
  const std::string text =
      "starting\n{\"rate\": 1}\nnoise {\n{\n  \"rate\": 2.5,\n  \"a\": [{\"b\": 7}]\n}\nbye\n";
  const Measurement m = printed(text, {{.column = "throughput_bps", .json = "/rate", .scale = 1e6},
                                       {.column = "retransmits", .json = "/a/0/b"}});
  EXPECT_DOUBLE_EQ(m.figures.at("throughput_bps"), 2.5e6);
  EXPECT_DOUBLE_EQ(m.figures.at("retransmits"), 7);
}

TEST(ProgramOutput, LinesThatOnlyBeginLikeJsonAreSkipped) {
  std::string text;
  for (int i = 0; i < 1200; ++i) text += "[INFO] step\n";
  const ProgramFigure x{.column = "lost", .json = "/x"};
  EXPECT_DOUBLE_EQ(printed(text + "{\"x\": 5}\n", {x}).figures.at("lost"), 5);
  text.clear();
  while (text.size() < ProgramOutput::kKept) text += "{ never closed\n";
  EXPECT_EQ(error_of(text, {x, x, x}),
            "lost: no line of the output begins with a JSON object or list");
}

TEST(ProgramOutput, ABraceInATextEndsNoValue) {
  const Measurement m =
      printed("{\"note\": \"}{ \\\"\", \"x\": 3}\n", {{.column = "lost", .json = "/x"}});
  EXPECT_DOUBLE_EQ(m.figures.at("lost"), 3);
}

TEST(ProgramOutput, RegexesReadTheLastLineThatMatches) {
  const Measurement m =
      printed("p50 = 10.5 usec\np50 = 12.5 usec\nrest",
              {{.column = "rtt_p50_ns", .regex = "p50 = ([0-9.]+) usec", .scale = 1000}});
  EXPECT_DOUBLE_EQ(m.figures.at("rtt_p50_ns"), 12500);
}

TEST(ProgramOutput, AFigureThatIsMissingOrNoNumberIsAnErrorThatNamesIt) {
  EXPECT_EQ(error_of("x\n", {{.column = "lost", .regex = "lost ([0-9]+)"}}),
            "lost: no line of the output matches 'lost ([0-9]+)'");
  EXPECT_EQ(error_of("lost none\n", {{.column = "lost", .regex = "lost (.*)"}}),
            "lost: 'none' is no number");
  EXPECT_EQ(error_of("lost 1e999\n", {{.column = "lost", .regex = "lost (.*)"}}),
            "lost: '1e999' is no number");
  EXPECT_EQ(error_of("lost 1e300\n", {{.column = "lost", .regex = "lost (.*)", .scale = 1e20}}),
            "lost: is too large");
  EXPECT_EQ(error_of("lost -3\n", {{.column = "lost", .regex = "lost (.*)"}}),
            "lost: -3 is negative");
  EXPECT_EQ(error_of("lost 20\n", {{.column = "loss_ratio", .regex = "lost (.*)"}}),
            "loss_ratio: 20 is no ratio from 0 to 1");
  EXPECT_EQ(error_of("{\"a\": {\"x\": 1, \"y\": 2}}\n", {{.column = "lost", .json = "/a/z"}}),
            "lost: the JSON has no /a/z; /a has x, y");
  EXPECT_EQ(error_of("{\"a\": 1}\n", {{.column = "lost", .json = "/b"}}),
            "lost: the JSON has no /b; it has a");
  EXPECT_THAT(
      error_of("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,"
               "\"k\":1,\"l\":1,\"speed_download\":1}\n",
               {{.column = "lost", .json = "/speed"}}),
      StartsWith("lost: the JSON has no /speed; it has speed_download, a, b"));
  EXPECT_EQ(error_of("{\"b\": \"1\"}\n", {{.column = "lost", .json = "/b"}}),
            "lost: /b is no number: '\"1\"'");
  EXPECT_EQ(error_of("none\n", {{.column = "lost", .json = "/b"}}),
            "lost: no line of the output begins with a JSON object or list");
}

TEST(ProgramOutput, ALongLineMayArriveInSmallPieces) {
  ProgramEnd end;
  ProgramOutput output(end);
  output.add("{\"pingperf\": 1, \"rtt_ns\": [1");
  for (int i = 0; i < 300'000; ++i) output.add(", 1000");
  output.add("]}\n");
  EXPECT_EQ(output.finish().exchanges, 300'001u);
}

TEST(ProgramOutput, OfALongOutputTheEndCounts) {
  std::string text = "early 1\n";
  while (text.size() < 4 * ProgramOutput::kKept) text += "a line of no interest\n";
  text += "late 2\n";
  const ProgramFigure early{.column = "lost", .regex = "early ([0-9]+)"};
  const ProgramFigure late{.column = "lost", .regex = "late ([0-9]+)"};
  EXPECT_DOUBLE_EQ(printed(text, {late}).figures.at("lost"), 2);
  EXPECT_THAT(error_of(text, {early}), HasSubstr("only the last MiB"));
}

TEST(ProgramOutput, OwnLinesHaveIntervalsRoundTripsAndTotals) {
  ProgramEnd end;
  ProgramOutput output(end);
  std::vector<double> live;
  output.report_to([&](const Interval& interval) { live.push_back(interval.end_s); });
  output.add(
      "hello\n{\"pingperf\": 1, \"interval\": {\"start_s\": 0, \"end_s\": 0.5, \"bytes_received\": "
      "10}}\n");
  EXPECT_THAT(live, ElementsAre(0.5));
  output.add(
      "{\"pingperf\": 1, \"interval\": {\"start_s\": 0.5, \"end_s\": 1, \"bytes_received\": "
      "5}}\n{\"pingp");
  output.add(
      "erf\": 1, \"rtt_ns\": [1000, 3000.4]}\n{\"pingperf\": 1, \"rtt_histogram\": [[5000, 2]]}\n");
  output.add("{\"pingperf\": 1, \"end\": {\"retransmits\": 3}}");
  const Measurement m = output.finish();
  EXPECT_EQ(m.intervals.size(), 2u);
  EXPECT_EQ(m.window_s, 1.0);
  EXPECT_EQ(m.bytes_received, 15u);
  EXPECT_EQ(m.bytes_sent, std::nullopt);
  EXPECT_EQ(m.retransmits, 3u);
  EXPECT_EQ(m.exchanges, 4u);
  EXPECT_EQ(m.rtt->min(), 1000);
  EXPECT_EQ(m.rtt->max(), 5000);
  EXPECT_EQ(output.last_line(), "hello");
}

TEST(ProgramOutput, AWrongOwnLineIsAnErrorThatQuotesIt) {
  for (const char* const line :
       {R"({"pingperf": 2})", R"({"pingperf": 1, "intervals": {}})",
        R"({"pingperf": 1, "interval": {}})",
        R"({"pingperf": 1, "interval": {"start_s": 0, "end_s": 1, "bytes_recieved": 5}})",
        R"({"pingperf": 1, "interval": {"start_s": 1, "end_s": 1}})",
        R"({"pingperf": 1, "interval": {"start_s": -1, "end_s": 1}})",
        R"({"pingperf": 1, "end": {"window_s": 0}})",
        R"({"pingperf": 1, "end": {"cpu_user_s": 1}})", R"({"pingperf": 1, "rtt_ns": [-5]})",
        R"({"pingperf": 1, "rtt_ns": 5})", R"({"pingperf": 1, "rtt_histogram": [[1, -1]]})",
        R"({"pingperf": 1, "end": {"bytes_sent": 1.5}})", R"({"pingperf": )"})
    EXPECT_THAT(error_of(line), testing::AllOf(HasSubstr("a line of pingperf's format is wrong"),
                                               HasSubstr("pingperf\":")))
        << line;
}

TEST(ProgramOutput, AnEmptyOutputHasNoFigures) {
  const Measurement m = printed("");
  EXPECT_TRUE(m.figures.empty());
  EXPECT_FALSE(m.window_s);
  EXPECT_FALSE(m.rtt);
}

ProgramEnd shell(const std::string& script) {
  ProgramEnd end;
  end.program = "mine";
  end.arguments = {{"sh"}, {"-c"}, {script}};
  return end;
}

EndpointConfig config() {
  EndpointConfig config;
  config.options = some_options();
  config.address = Address::resolve("127.0.0.1", 0);
  config.deadline = now_ns() + 5 * kSecond;
  return config;
}

std::string error_of_client(const ProgramEnd& end) {
  return make_program_endpoint(end, config(), false)->run({}).error;
}

TEST(ProgramEndpoint, MeasuresTheResourcesOfTheCommand) {
  ProgramEnd end = shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo '{{\"x\": 5}}'");
  end.figures = {{.column = "throughput_bps", .json = "/x"}};
  const Measurement m = make_program_endpoint(end, config(), false)->run({});
  EXPECT_EQ(m.error, "");
  EXPECT_DOUBLE_EQ(m.figures.at("throughput_bps"), 5);
  EXPECT_GT(m.cpu_user_s.value() + m.cpu_system_s.value(), 0);
  EXPECT_GT(m.peak_memory_bytes.value(), 100'000u);
  EXPECT_TRUE(m.context_switches.has_value());
}

TEST(ProgramEndpoint, AFailureHasTheStatusAndTheLastLine) {
  EXPECT_EQ(error_of_client(shell("echo out; echo 'cannot connect' >&2; exit 3")),
            "program 'mine' exited with status 3; its last line: cannot connect");
  EXPECT_EQ(error_of_client(shell("echo 'bad thing'; exit 4")),
            "program 'mine' exited with status 4; its last line: bad thing");
  EXPECT_EQ(error_of_client(shell("printf 'no newline'; exit 5")),
            "program 'mine' exited with status 5; its last line: no newline");
  EXPECT_EQ(error_of_client(shell("kill -SEGV $$")), "program 'mine' was killed by SIGSEGV");
}

TEST(ProgramEndpoint, ExitCodesOfSuccessAreTheExperiments) {
  ProgramEnd end = shell("exit 3");
  end.exit_codes = {0, 3};
  EXPECT_EQ(error_of_client(end), "");
}

TEST(ProgramEndpoint, TheCommandHasItsOwnGroupItsFolderAndItsEnvironmentButNoInput) {
  ProgramEnd end =
      shell("cat; pwd; echo \"$WHERE\"; [ \"$(ps -o pgid= -p $$)\" -eq $$ ] || exit 9; exit 1");
  end.directory = "/usr";
  end.environment = {{"WHERE", "{address}"}};
  EXPECT_EQ(error_of_client(end), "program 'mine' exited with status 1; its last line: 127.0.0.1");
  end.directory = "/nowhere";
  EXPECT_THAT(error_of_client(end), HasSubstr("cannot enter the directory '/nowhere'"));
}

TEST(ProgramEndpoint, AServerIsReadyWhenALineMatches) {
  ProgramEnd end = shell("echo starting; sleep 0.05; echo up >&2; exec sleep 10");
  end.ready = {.when = ProgramReady::When::line, .regex = "^up$"};
  const auto server = make_program_endpoint(end, config(), true);
  EXPECT_NE(server->address().port(), 0);
  server->stop();
  EXPECT_EQ(server->run({}).error, "");
}

TEST(ProgramEndpoint, AServerIsReadyAfterATime) {
  ProgramEnd end = shell("exec sleep 10");
  end.ready = {.when = ProgramReady::When::after, .regex = "", .after = 50 * kMillisecond};
  const Nanoseconds begin = now_ns();
  const auto server = make_program_endpoint(end, config(), true);
  EXPECT_GE(now_ns() - begin, 50 * kMillisecond);
  server->stop();
  EXPECT_EQ(server->run({}).error, "");
}

TEST(ProgramEndpoint, AServerMayEndItself) {
  ProgramEnd end = shell("echo up; sleep 0.05; echo '{{\"x\": 1}}'");
  end.ready = {.when = ProgramReady::When::line, .regex = "up"};
  end.stop_signal = ProgramEnd::kEndsItself;
  end.figures = {{.column = "lost", .json = "/x"}};
  const Measurement m = make_program_endpoint(end, config(), true)->run({});
  EXPECT_EQ(m.error, "");
  EXPECT_DOUBLE_EQ(m.figures.at("lost"), 1);
}

TEST(ProgramEndpoint, AServerThatEndsBeforeItIsReadyIsAnError) {
  const auto start = [](const std::string& script) {
    try {
      make_program_endpoint(shell(script), config(), true);
    } catch (const std::runtime_error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(
      start("echo 'no such option' >&2; exit 1"),
      "program 'mine' exited with status 1 before it was ready; its last line: no such option");
  EXPECT_THAT(start("exit 0"), HasSubstr("has to stay in the foreground"));
}

TEST(ProgramEndpoint, AServerThatNeverListensIsAnError) {
  EndpointConfig soon = config();
  soon.deadline = now_ns() + 400 * kMillisecond;  // of the whole trial
  try {
    make_program_endpoint(shell("exec sleep 10"), soon, true);
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("was not ready within 0.2 s: nothing listens on 127.0.0.1:"));
  }
}

TEST(ProgramEndpoint, AServerThatIgnoresTheSignalIsKilled) {
  ProgramEnd end = shell("trap '' TERM; echo up; while :; do sleep 0.1; done");
  end.ready = {.when = ProgramReady::When::line, .regex = "up"};
  const auto server = make_program_endpoint(end, config(), true);
  auto run = std::async(std::launch::async, [&] { return server->run({}); });
  server->stop();
  EXPECT_EQ(run.get().error, "");
}

TEST(ProgramEndpoint, AServerThatEndsItselfButDoesNotIsAnError) {
  ProgramEnd end = shell("echo up; exec sleep 10");
  end.ready = {.when = ProgramReady::When::line, .regex = "up"};
  end.stop_signal = ProgramEnd::kEndsItself;
  const auto server = make_program_endpoint(end, config(), true);
  server->stop();
  EXPECT_THAT(server->run({}).error, HasSubstr("did not end after its client"));
}

TEST(ProgramEndpoint, AMissingExecutableIsUnavailable) {
  ProgramEnd end = shell("");
  EXPECT_EQ(unavailable(end), std::nullopt);
  end.arguments.front().text = "no-such-program";
  EXPECT_EQ(unavailable(end), "program 'mine': there is no executable no-such-program in PATH");
  end.arguments.front().text = "cd x && y";
  EXPECT_THAT(unavailable(end).value(), HasSubstr("no shell reads a command"));
  end.arguments.front().text = "/etc/passwd";
  EXPECT_EQ(unavailable(end),
            "program 'mine': /etc/passwd is not executable: chmod +x, or name its interpreter");
  end.arguments.front().text = "./no-such-program";
  end.directory = "/usr";
  EXPECT_EQ(unavailable(end), "program 'mine': there is no executable ./no-such-program in /usr");
}

}  // namespace
}  // namespace pingperf
