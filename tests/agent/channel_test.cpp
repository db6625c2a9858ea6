// The controller's connection, with the real agent and with faulty ones.
#include "harness/agent/channel.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>

#include "harness/base/json.h"
#include "harness/base/version.h"

namespace pingperf {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr Nanoseconds kEventTimeout = 10 * kSecond;  // waited for only if something is broken

std::vector<std::string> fake(const char* mode) {
  return {PINGPERF_FAKE_AGENT, mode, "pingperf", "agent"};
}

OpenEndpoint open_null(Role role) {
  OpenEndpoint open{.role = role, .endpoint = 1, .address = "127.0.0.1:5201", .timeout_s = 10};
  open.options.engine = "noop";
  open.options.duration = kMillisecond;
  return open;
}

// Returns the error of the hellos, or "" if they succeed.
std::string error_of_hello(const std::vector<std::string>& command,
                           Nanoseconds timeout = Channel::kHelloTimeout) {
  try {
    const Channel channel(command, "h1", timeout);
  } catch (const ChannelError& e) {
    return e.what();
  }
  return "";
}

template <typename T>
T expect(Channel& channel) {
  const auto event = channel.receive(now_ns() + kEventTimeout);
  if (event && std::holds_alternative<T>(*event)) return std::get<T>(*event);
  ADD_FAILURE() << "got " << (event ? encode(*event) : "nothing");
  return {};
}

// Returns the error that ends the conversation after `role` was opened and started.
std::string ending(const char* mode, Role role = Role::listen) {
  Channel channel(fake(mode), "h1");
  try {
    channel.send(open_null(role));
    channel.send(StartEndpoint{1});
    while (const auto event = channel.receive(now_ns() + kEventTimeout))
      if (std::holds_alternative<Result>(*event)) return "";
  } catch (const ChannelError& e) {
    return e.what();
  }
  return "nothing came";
}

TEST(ChannelTest, TheRealAgentReportsItsVersionEnginesAndHost) {
  Channel channel(agent_command({}, PINGPERF_BINARY), "here");
  EXPECT_EQ(channel.hello().version, version());
  EXPECT_FALSE(channel.hello().engines.empty());
  EXPECT_NE(parse_json(channel.hello().host.json).value("kernel", ""), "");
  EXPECT_NE(channel.hello().host.hostname, "");
  EXPECT_NE(channel.hello().host.boot_id, "");
}

TEST(ChannelTest, ALauncherIsPutInFront) {
  EXPECT_THAT(agent_command({"ssh", "h1"}, "/opt/pingperf"),
              testing::ElementsAre("ssh", "h1", "/opt/pingperf", "agent"));
  EXPECT_EQ(agent_command({}, "").size(), 2u);
  Channel channel(agent_command({"env", "A=b"}, PINGPERF_BINARY), "here");
  EXPECT_EQ(channel.hello().version, version());
}

TEST(ChannelTest, ATrialGoesFromReadyToResult) {
  Channel channel(fake("ok"), "h1");
  channel.send(open_null(Role::listen));
  EXPECT_EQ(expect<Ready>(channel).address, "127.0.0.1:5201");
  channel.send(StartEndpoint{1});
  EXPECT_EQ(expect<Progress>(channel).endpoint, 1u);
  EXPECT_EQ(expect<Result>(channel).measurement.bytes_received, 1'000'000'000u);
}

TEST(ChannelTest, NothingByTheDeadlineIsNoError) {
  Channel channel(fake("silent-at-listen"), "h1");
  channel.send(open_null(Role::listen));
  EXPECT_FALSE(channel.receive(now_ns() + 20 * kMillisecond));
  EXPECT_FALSE(channel.receive(0));
}

TEST(ChannelTest, AnAgentMayBeLateWithHello) {
  EXPECT_EQ(error_of_hello(fake("late-hello")), "");
}

TEST(ChannelTest, AnAgentThatNeverSaysHelloIsAnError) {
  EXPECT_THAT(error_of_hello(fake("silent-hello"), 100 * kMillisecond),
              AllOf(HasSubstr("agent on h1 did not answer within 0.1 s"), HasSubstr("command: ")));
}

TEST(ChannelTest, ABannerIsQuoted) {
  EXPECT_THAT(error_of_hello(fake("garbage-hello")), HasSubstr("'Welcome to fake.example.org!'"));
}

TEST(ChannelTest, AVersionMismatchNamesBothVersions) {
  EXPECT_THAT(error_of_hello(fake("wrong-version")),
              AllOf(HasSubstr("9.9.9"), HasSubstr(std::string(version()))));
}

TEST(ChannelTest, ADeadAgentIsReportedWithStatusLastErrorLineAndCommand) {
  EXPECT_THAT(error_of_hello(fake("die-at-hello")),
              AllOf(HasSubstr("agent on h1 ended (exit status 7): fake agent: dying at hello, "
                              "command: "),
                    HasSubstr("die-at-hello pingperf agent")));
}

TEST(ChannelTest, TheLastLinesOfALauncherAreKept) {
  const char* const srun =
      "echo 'srun: error: Unable to create step: Requested nodes are busy' >&2; echo >&2; "
      "echo 'srun: error: Exiting' >&2; ";
  const std::string words =
      ": srun: error: Unable to create step: Requested nodes are busy; srun: error: Exiting, "
      "command: ";
  EXPECT_THAT(error_of_hello({"sh", "-c", std::string(srun) + "exit 1"}),
              HasSubstr("ended (exit status 1)" + words));
  EXPECT_THAT(error_of_hello({"sh", "-c", std::string(srun) + "exec sleep 10"}, kSecond),
              HasSubstr("did not answer within 1.0 s" + words));
}

TEST(ChannelTest, ACommandThatDoesNotExistIsNamed) {
  EXPECT_THAT(error_of_hello({"/nonexistent/ssh", "h1"}),
              HasSubstr("(exit status 127): cannot run '/nonexistent/ssh': No such file"));
}

TEST(ChannelTest, AKilledAgentIsReportedWithTheSignal) {
  EXPECT_THAT(error_of_hello({"sh", "-c", "kill -KILL $$"}),
              HasSubstr("ended (killed by SIGKILL)"));
}

TEST(ChannelTest, AnAgentThatDiesDuringATrialEndsTheConversation) {
  EXPECT_THAT(ending("die-at-listen"), HasSubstr("dying at listen"));
  EXPECT_THAT(ending("die-at-connect", Role::connect), HasSubstr("dying at connect"));
  EXPECT_THAT(ending("die-at-start"), HasSubstr("dying at start"));
  EXPECT_THAT(ending("die-at-result"), HasSubstr("dying at result"));
}

TEST(ChannelTest, HalfALineIsNoMessage) {
  EXPECT_THAT(ending("half-line-at-result"), HasSubstr("amid a line"));
}

TEST(ChannelTest, AnEndlessLineEndsTheConversation) {
  EXPECT_THAT(ending("huge-line-at-result"), HasSubstr("a line is longer than 48 MiB"));
}

TEST(ChannelTest, GarbageEndsTheConversationAndIsQuoted) {
  EXPECT_THAT(ending("garbage-at-ready"),
              HasSubstr("not a JSON object: 'Segmentation fault (core dumped)'"));
}

TEST(ChannelTest, ABrokenChannelStaysBroken) {
  Channel channel(fake("die-at-listen"), "h1");
  channel.send(open_null(Role::listen));
  EXPECT_THROW(channel.receive(now_ns() + kEventTimeout), ChannelError);
  EXPECT_THROW(channel.receive(0), ChannelError);
  EXPECT_THROW(channel.send(StopEndpoint{1}), ChannelError);
}

TEST(ChannelTest, SendingToADeadAgentRaisesNoSignal) {
  Channel channel(fake("ok"), "h1");
  ::kill(channel.pid(), SIGKILL);
  EXPECT_THROW(
      for (int i = 0; i < 1000; ++i) {
        channel.send(StartEndpoint{1});
        channel.receive(now_ns() + 10 * kMillisecond);
      },
      ChannelError);
}

TEST(ChannelTest, AFailedEndpointLeavesTheConversationGoing) {
  Channel channel(fake("error-at-listen"), "h1");
  channel.send(open_null(Role::listen));
  EXPECT_EQ(expect<Failure>(channel).status, Status::refused);
  channel.send(open_null(Role::connect));
  expect<Ready>(channel);
}

TEST(ChannelTest, TheAgentIsGoneAfterTheChannel) {
  pid_t pid = -1;
  {
    const Channel channel(fake("ok"), "h1");
    pid = channel.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(ChannelTest, AnAgentThatDoesNotEndIsKilled) {
  const std::string hello = encode(Event(AgentHello{.version = std::string(version())}));
  pid_t pid = -1;
  {
    const Channel channel({"sh", "-c", "echo '" + hello + "'; exec sleep 1000"}, "h1");
    pid = channel.pid();
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

}  // namespace
}  // namespace pingperf
