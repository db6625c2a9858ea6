// The controller's end of the conversation, against the real agent and against odd ones.
#include "harness/agent/channel.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>

#include "harness/agent/host_facts.h"
#include "harness/base/version.h"

namespace pingperf {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr Nanoseconds kSoon = 10 * kSecond;  // that is: at once, unless something is broken

std::vector<std::string> fake(const char* mode) {
  return {PINGPERF_FAKE_AGENT, mode, "pingperf", "agent"};
}

OpenEndpoint open_null(Role role) {
  OpenEndpoint open{.role = role, .endpoint = 1, .address = "127.0.0.1:5201", .timeout_s = 10};
  open.options.engine = "null";
  open.options.duration = kMillisecond;
  return open;
}

// What is wrong with an agent that does not get through the hellos.
std::string complaint(const std::vector<std::string>& command,
                      Nanoseconds timeout = ProcessChannel::kHelloTimeout) {
  try {
    const ProcessChannel channel(command, "h1", timeout);
  } catch (const ChannelError& e) {
    return e.what();
  }
  return "";
}

template <typename T>
T expect(Channel& channel) {
  const auto event = channel.receive(now_ns() + kSoon);
  if (event && std::holds_alternative<T>(*event)) return std::get<T>(*event);
  ADD_FAILURE() << "got " << (event ? encode(*event) : "nothing");
  return {};
}

// The error that ends the conversation after `role` was opened and started.
std::string ending(const char* mode, Role role = Role::listen) {
  ProcessChannel channel(fake(mode), "h1");
  try {
    channel.send(open_null(role));
    channel.send(StartEndpoint{1});
    while (const auto event = channel.receive(now_ns() + kSoon))
      if (std::holds_alternative<Result>(*event)) return "";
  } catch (const ChannelError& e) {
    return e.what();
  }
  return "nothing came";
}

TEST(ChannelTest, TheRealAgentSaysWhoItIs) {
  ProcessChannel channel(agent_command({}, PINGPERF_BINARY), "here");
  EXPECT_EQ(channel.hello().version, version());
  EXPECT_FALSE(channel.hello().engines.empty());
  EXPECT_FALSE(text_fact(channel.hello().host, "kernel").empty());
  EXPECT_FALSE(text_fact(channel.hello().host, "hostname").empty());
}

TEST(ChannelTest, ALauncherIsPutInFront) {
  EXPECT_THAT(agent_command({"ssh", "h1"}, "/opt/pingperf"),
              testing::ElementsAre("ssh", "h1", "/opt/pingperf", "agent"));
  EXPECT_EQ(agent_command({}, "").size(), 2u);
  ProcessChannel channel(agent_command({"env", "A=b"}, PINGPERF_BINARY), "here");
  EXPECT_EQ(channel.hello().version, version());
}

TEST(ChannelTest, ATrialGoesFromReadyToResult) {
  ProcessChannel channel(fake("ok"), "h1");
  channel.send(open_null(Role::listen));
  EXPECT_EQ(expect<Ready>(channel).address, "127.0.0.1:5201");
  channel.send(StartEndpoint{1});
  EXPECT_EQ(expect<Progress>(channel).endpoint, 1u);
  EXPECT_EQ(expect<Result>(channel).measurement.bytes_received, 1'000'000'000u);
}

TEST(ChannelTest, NothingByTheDeadlineIsNoError) {
  ProcessChannel channel(fake("silent-at-listen"), "h1");
  channel.send(open_null(Role::listen));
  EXPECT_FALSE(channel.receive(now_ns() + 20 * kMillisecond));
  EXPECT_FALSE(channel.receive(0));
}

TEST(ChannelTest, AnAgentMayTakeItsTimeOverHello) {
  EXPECT_EQ(complaint(fake("late-hello")), "");
}

TEST(ChannelTest, AnAgentThatNeverSaysHelloIsAnError) {
  EXPECT_THAT(complaint(fake("silent-hello"), 100 * kMillisecond),
              AllOf(HasSubstr("agent on h1 did not answer within 0.1 s"), HasSubstr("command: ")));
}

TEST(ChannelTest, ABannerIsQuoted) {
  EXPECT_THAT(complaint(fake("garbage-hello")), HasSubstr("'Welcome to fake.example.org!'"));
}

TEST(ChannelTest, AVersionMismatchNamesBothVersions) {
  EXPECT_THAT(complaint(fake("wrong-version")),
              AllOf(HasSubstr("9.9.9"), HasSubstr(std::string(version()))));
}

TEST(ChannelTest, ADeadAgentIsReportedWithStatusLastWordsAndCommand) {
  EXPECT_THAT(complaint(fake("die-at-hello")),
              AllOf(HasSubstr("agent on h1 ended (exit status 7): fake agent: dying at hello, "
                              "command: "),
                    HasSubstr("die-at-hello pingperf agent")));
}

TEST(ChannelTest, ACommandThatDoesNotExistIsNamed) {
  EXPECT_THAT(complaint({"/nonexistent/ssh", "h1"}),
              HasSubstr("(exit status 127): cannot run '/nonexistent/ssh': No such file"));
}

TEST(ChannelTest, AKilledAgentIsReportedWithTheSignal) {
  EXPECT_THAT(complaint({"sh", "-c", "kill -KILL $$"}), HasSubstr("ended (killed by SIGKILL)"));
}

TEST(ChannelTest, AnAgentThatDiesOnTheWayEndsTheConversation) {
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
  ProcessChannel channel(fake("die-at-listen"), "h1");
  channel.send(open_null(Role::listen));
  EXPECT_THROW(channel.receive(now_ns() + kSoon), ChannelError);
  EXPECT_THROW(channel.receive(0), ChannelError);
  EXPECT_THROW(channel.send(StopEndpoint{1}), ChannelError);
}

TEST(ChannelTest, SendingToADeadAgentRaisesNoSignal) {
  ProcessChannel channel(fake("ok"), "h1");
  ::kill(channel.pid(), SIGKILL);
  EXPECT_THROW(
      for (int i = 0; i < 1000; ++i) {
        channel.send(StartEndpoint{1});
        channel.receive(now_ns() + 10 * kMillisecond);
      },
      ChannelError);
}

TEST(ChannelTest, AFailedEndpointLeavesTheConversationGoing) {
  ProcessChannel channel(fake("error-at-listen"), "h1");
  channel.send(open_null(Role::listen));
  EXPECT_EQ(expect<Failure>(channel).status, Status::refused);
  channel.send(open_null(Role::connect));
  expect<Ready>(channel);
}

TEST(ChannelTest, TheAgentIsGoneAfterTheChannel) {
  pid_t pid = -1;
  {
    const ProcessChannel channel(fake("ok"), "h1");
    pid = channel.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(ChannelTest, AnAgentThatWillNotGoIsKilled) {
  const std::string hello = encode(Event(AgentHello{.version = std::string(version())}));
  pid_t pid = -1;
  {
    const ProcessChannel channel({"sh", "-c", "echo '" + hello + "'; exec sleep 1000"}, "h1");
    pid = channel.pid();
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

}  // namespace
}  // namespace pingperf
