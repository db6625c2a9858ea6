// The agents of many hosts: how they start, which hosts share one, and how they end.
#include "harness/agent/agents.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "harness/agent/systems.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kLate = "sleep 0.3; exec \"$0\" \"$@\"";
constexpr const char* kNever = "echo no route to \"$1\" >&2; exit 255";

// A host whose launcher is a shell script; `name` makes it another host.
Host host_of(const std::string& name, const char* script) {
  Host host;
  host.launch = {"sh", "-c", script, PINGPERF_FAKE_AGENT, "ok", name};
  return host;
}

Experiment experiment_on(std::vector<HostPair> pairs) {
  std::string list;
  for (std::size_t i = 0; i < pairs.size(); ++i) list += i ? ", {}" : "{}";
  Experiment e = parse_experiment(
      "{name: e, hosts: {pairs: [" + list + "]}, workloads: {w: {kind: throughput, engine: noop}}}",
      "e.yaml");
  e.hosts = std::move(pairs);
  return e;
}

std::string error_of_start(const Experiment& experiment) {
  try {
    const Agents agents(experiment);
  } catch (const ChannelError& e) {
    return e.what();
  }
  return "";
}

// One after the other they would take 12 seconds.
TEST(AgentsTest, StartTogether) {
  std::vector<HostPair> pairs;
  for (int i = 0; i < 20; ++i)
    pairs.push_back(
        {host_of("a" + std::to_string(i), kLate), host_of("b" + std::to_string(i), kLate)});
  const Experiment e = experiment_on(pairs);
  const Nanoseconds begin = now_ns();
  Agents agents(e);
  EXPECT_LT(now_ns() - begin, 6 * kSecond);
  for (const auto& [number, pair] : agents) EXPECT_TRUE(pair.is_ready());
}

TEST(AgentsTest, PairsShareTheAgentsOfAHost) {
  const Host a = host_of("a", kLate), b = host_of("b", kLate), c = host_of("c", kLate);
  const Experiment e = experiment_on({{a, b}, {c, b}, {b, c}});
  Agents agents(e);
  EXPECT_EQ(agents.of(0).server(), agents.of(1).server());
  EXPECT_NE(agents.of(0).server(), &agents.of(2).client());
  EXPECT_NE(&agents.of(0).client(), &agents.of(1).client());
  EXPECT_EQ(system_agents(agents).size(), 5u);  // three clients and two servers, each once
}

TEST(AgentsTest, EachHostThatCannotBeReachedIsALine) {
  const Experiment e = experiment_on(
      {{host_of("a", kLate), host_of("b", kNever)}, {host_of("c", kNever), host_of("b", kNever)}});
  const std::string error = error_of_start(e);
  EXPECT_EQ(std::ranges::count(error, '\n'), 1) << error;
  EXPECT_THAT(error, AllOf(HasSubstr("no route to ok, command: "), HasSubstr(" b "),
                           HasSubstr(" c "), Not(HasSubstr(" a "))));
}

// Its second start would succeed, a second later, while the other host still starts.
TEST(AgentsTest, EachHostHasOneStartAtTheBeginning) {
  const std::string marker = testing::TempDir() + "pingperf-agents-" + std::to_string(::getpid());
  const std::string once = "[ -e " + marker + " ] && exec \"$0\" \"$@\"; >" + marker +
                           "; echo no route to host >&2; exit 255";
  const std::string error = error_of_start(
      experiment_on({{host_of("a", "sleep 1.5; exec \"$0\" \"$@\""), host_of("b", once.c_str())}}));
  ::unlink(marker.c_str());
  EXPECT_THAT(error, HasSubstr("no route to host"));
}

TEST(AgentsTest, ARunGoesOnWithTheMinimumOfHosts) {
  Experiment e = experiment_on(
      {{host_of("a", kLate), host_of("b", kLate)}, {host_of("a", kLate), host_of("c", kNever)}});
  e.minimum_hosts = 2;
  Agents agents(e);
  EXPECT_EQ(agents.absent().size(), 1u);
  EXPECT_TRUE(agents.of(0).is_ready());
  EXPECT_TRUE(agents.of(1).is_absent());
  EXPECT_THROW(agents.of(1).server(), ChannelError);
  e.minimum_hosts = 3;
  EXPECT_THAT(error_of_start(e), HasSubstr("\n2 of 3 hosts are ready, hosts.minimum is 3"));
}

TEST(AgentsTest, TooFewDescriptorsAreAnErrorBeforeTheFirstStart) {
  const Experiment e = experiment_on({{host_of("a", kNever), host_of("b", kNever)}});
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit few{40, 40};
    ::setrlimit(RLIMIT_NOFILE, &few);
    try {
      const Agents agents(e);
    } catch (const UsageError& error) {
      const std::string_view what = error.what();
      ::_exit(what.starts_with("2 agents need 70 descriptors, and this process may have 40") ? 0
                                                                                             : 1);
    } catch (...) {
    }
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(AgentsTest, AnInterruptEndsTheStartAtOnce) {
  const Experiment e = experiment_on({{host_of("a", "exec sleep 1000"), host_of("b", kLate)}});
  const Interrupt interrupt;
  std::thread user([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ::kill(::getpid(), SIGTERM);
  });
  const Nanoseconds begin = now_ns();
  EXPECT_THROW(Agents(e, &interrupt), StartInterrupted);
  EXPECT_LT(now_ns() - begin, Channel::kHelloTimeout);
  user.join();
}

TEST(AgentsTest, ALostAgentIsStartedAgainWhenItIsNeeded) {
  const Experiment e = experiment_on({{host_of("a", kLate), host_of("b", kLate)}});
  Agents agents(e);
  const pid_t before = agents.of(0).client().pid();
  ::kill(before, SIGKILL);
  EXPECT_THROW(agents.of(0).client().receive(now_ns() + 10 * kSecond), ChannelError);
  EXPECT_NE(agents.of(0).client().pid(), before);
  EXPECT_TRUE(agents.of(0).is_ready());
}

TEST(AgentsTest, AnAgentThatDiesSoonEachTimeIsNotStartedAtOnce) {
  const Experiment e = experiment_on({{host_of("a", kLate), host_of("b", kLate)}});
  Agents agents(e);
  HostAgent& agent = agents.of(0).client_agent();
  int losses = 0;
  agent.listen([](const Event&) {}, [&] { ++losses; });
  const auto run_until = [&](const auto& is_over) {
    const Nanoseconds limit = now_ns() + 20 * kSecond;
    while (!is_over() && now_ns() < limit) agents.run_once(now_ns() + 20 * kMillisecond);
  };
  for (int loss = 1; loss <= 2; ++loss) {
    run_until([&] { return agent.channel() != nullptr; });
    ASSERT_NE(agent.channel(), nullptr);
    ::kill(agent.channel()->pid(), SIGKILL);
    run_until([&] { return losses == loss; });
  }
  const Nanoseconds end = now_ns() + 300 * kMillisecond;
  run_until([&] { return now_ns() >= end; });
  EXPECT_EQ(agent.starts(), 2u);
  agent.stop_listening();
}

TEST(AgentsTest, ARequestThatThePipeHasNoRoomForFollowsLater) {
  const Experiment e = experiment_on({{host_of("a", kLate), host_of("b", kLate)}});
  Agents agents(e);
  HostAgent& agent = agents.of(0).client_agent();
  bool has_answered = false;
  agent.listen([&](const Event&) { has_answered = true; }, [] {});
  for (int i = 0; i < 4; ++i)
    agent.channel()->send(CopyFile{.path = "file", .data = std::string(256 * 1024, '0')});
  agent.channel()->send(HostCheckRequest{});
  const Nanoseconds limit = now_ns() + 10 * kSecond;
  while (!has_answered && now_ns() < limit) agents.run_once(limit);
  EXPECT_TRUE(has_answered);
  agent.stop_listening();
}

// Other hosts have one folder for the files of all programs.
TEST(AgentsTest, TwoFilesOfOnePathAreRefusedBeforeTheFirstStart) {
  namespace fs = std::filesystem;
  const fs::path folder =
      fs::temp_directory_path() / ("pingperf-agents-test-" + std::to_string(::getpid()));
  fs::create_directories(folder / "other");
  std::ofstream(folder / "c") << "c";
  const auto programs = [](const std::string& name) {
    return "programs: {" + name + ": {kind: latency, client: [./c], copy_files: [./c]}}\n";
  };
  const auto error = [&](const std::string& used) {
    std::ofstream(folder / used) << programs("b");
    std::ofstream(folder / "x.yaml")
        << "name: x\nuse: [" + used + "]\n" + programs("a") +
               "workloads: {w: {kind: latency, matrix: {engine: [a, b]}}}\n";
    Experiment e = load_experiment(folder / "x.yaml");
    e.hosts = {{host_of("a", kNever), host_of("b", kNever)}};
    try {
      const Agents agents(e);
    } catch (const std::runtime_error& failure) {
      return std::string(failure.what());
    }
    return std::string();
  };
  EXPECT_THAT(error("same.yaml"), HasSubstr("no route"));
  const std::string refused = error("other/b.yaml");
  fs::remove_all(folder);
  EXPECT_THAT(refused, AllOf(HasSubstr("other/b.yaml:1:12: copy_files: program 'b' has another c "
                                       "than program 'a' at "),
                             HasSubstr("x.yaml:3:12")));
}

}  // namespace
}  // namespace pingperf
