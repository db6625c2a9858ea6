// `hosts: {nodes: …, pattern: …}`: from a list of hosts to pairs, cases and rounds.
#include "harness/experiment/fleet_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unordered_map>
#include <utility>

#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/plan.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string with_hosts(const std::string& hosts) {
  return "name: x\nhosts:\n" + hosts + "\nworkloads: {w: {kind: throughput, engine: blocking}}\n";
}

std::vector<std::string> case_names(const Experiment& e) {
  std::vector<std::string> names;
  for (const Case& c : e.cases) names.push_back(c.name);
  return names;
}

TEST(Fleet, SixLinesAreAnAllToAllOfSixteen) {
  const Experiment e = parse_experiment(
      with_hosts("  nodes: {srun: \"node[01-16]\", copy: true}\n  pattern: all_to_all\n"
                 "  at_once: 8"),
      "x.yaml");
  EXPECT_EQ(e.hosts.size(), 120u);
  EXPECT_EQ(e.cases.front().name, "w/pair=node01-node16");
  EXPECT_EQ(e.hosts.front().server->address, "node16");
  EXPECT_TRUE(e.hosts.front().client->copy);
  EXPECT_EQ(plan_trials(e, 1).back().round, 15u);
}

TEST(Fleet, AThousandNodesMeasureInRoundsOfDisjointPairs) {
  constexpr std::size_t kNodes = 1024, kPairs = kNodes * (kNodes - 1) / 2;
  const Experiment e =
      parse_experiment(with_hosts("  nodes: {srun: \"node[0001-1024]\"}\n  pattern: all_to_all\n"
                                  "  at_once: 512\nplan: {repetitions: 1}"),
                       "x.yaml");
  ASSERT_EQ(e.cases.size(), kPairs);
  const std::vector<Trial> plan = plan_trials(e);
  ASSERT_EQ(plan.size(), kPairs);
  EXPECT_EQ(plan.back().round, kNodes - 1);
  std::unordered_map<const Host*, std::size_t> numbers;
  std::vector<std::uint64_t> last_round(kNodes);
  std::vector<bool> links(kNodes * kNodes);
  for (const Trial& trial : plan) {
    std::size_t link = 0;
    for (const Shared<Host>& host : {e.hosts_of(e.cases[trial.case_index]).client,
                                     e.hosts_of(e.cases[trial.case_index]).server}) {
      const std::size_t number = numbers.try_emplace(&*host, numbers.size()).first->second;
      ASSERT_LT(number, kNodes);
      ASSERT_NE(std::exchange(last_round[number], trial.round), trial.round) << host->name;
      link = link * kNodes + number;
    }
    links[link] = links[link % kNodes * kNodes + link / kNodes] = true;
  }
  EXPECT_EQ(std::ranges::count(links, true), 2 * kPairs);  // each two hosts once
}

TEST(Fleet, TheCasesOfAWorkloadShareTheirOptionsAndTheirHosts) {
  const Experiment e = parse_experiment(
      with_hosts("  nodes: {ssh: [a, b, c]}\n  pattern: ring\nplan: {start_timeout: 2s}"),
      "x.yaml");
  for (const Case& c : e.cases) EXPECT_EQ(&*c.options, &*e.cases.front().options) << c.name;
  EXPECT_EQ(e.hosts[0].name, "a-b");
  EXPECT_EQ(e.hosts[1].name, "b-c");
  EXPECT_EQ(&*e.hosts[0].server, &*e.hosts[1].client);
  EXPECT_EQ(e.hosts[0].server->start_timeout, 2 * kSecond);
}

TEST(Fleet, PairsOfDifferentGroupsAreNeverInOneRound) {
  const Experiment e = parse_experiment(
      with_hosts("  nodes: {ssh: \"n[1-4]\"}\n  pattern: ring\n  at_once: 3"), "x.yaml");
  EXPECT_THAT(case_names(e),
              ElementsAre("w/pair=n1-n2", "w/pair=n3-n4", "w/pair=n2-n3", "w/pair=n4-n1"));
  std::vector<std::size_t> sizes;
  std::uint64_t round = 0;
  for (const Trial& trial : plan_trials(e, 1)) {
    if (trial.round != round) sizes.push_back(0);
    round = trial.round;
    ++sizes.back();
  }
  EXPECT_THAT(sizes, ElementsAre(2u, 2u));
}

TEST(Fleet, AnIncastIsOneRoundWithASum) {
  const Experiment e = parse_experiment(
      with_hosts("  nodes: {ssh: [u@a, b, c]}\n  addresses: [192.0.2.1, 192.0.2.2, 192.0.2.3]\n"
                 "  pattern: {incast: {to: b}}"),
      "x.yaml");
  EXPECT_THAT(case_names(e), ElementsAre("w/pair=a-b", "w/pair=c-b", "w/pair=sum"));
  EXPECT_TRUE(e.cases.back().is_sum);
  EXPECT_EQ(e.hosts.back().server->address, "192.0.2.2");
  EXPECT_EQ(e.hosts.front().client->launch.back(), "u@a");
  const std::vector<Trial> plan = plan_trials(e, 2);
  ASSERT_EQ(plan.size(), 6u);
  EXPECT_EQ(plan[0].round, plan[2].round);
  EXPECT_NE(plan[0].round, plan[3].round);
}

TEST(Fleet, ALauncherOfOnesOwnNamesTheNode) {
  const Experiment e = parse_experiment(
      with_hosts("  nodes: {launch: [ssh, -p, 22, \"u@{node}\"], names: \"c[1-2]\"}\n"
                 "  pattern: pairs"),
      "x.yaml");
  EXPECT_THAT(e.hosts.front().server->launch, ElementsAre("ssh", "-p", "22", "u@c2"));
  EXPECT_EQ(e.hosts.front().name, "c1-c2");
}

TEST(Pairs, AreNamedByThemselvesTheirEndsOrTheirNumber) {
  const Experiment e = parse_experiment(
      with_hosts("  pairs:\n    - {name: near, client: {ssh: a}, server: {ssh: b}}\n"
                 "    - {client: {ssh: a}, server: {launch: [x], name: c}}\n"
                 "    - {client: {ssh: a}}"),
      "x.yaml");
  EXPECT_THAT(case_names(e), ElementsAre("w/pair=near", "w/pair=a-c", "w/pair=3"));
}

// Hosts that stand outside of the file.
class FleetSources : public testing::Test {
 protected:
  FleetSources() { std::filesystem::create_directories(folder_); }
  ~FleetSources() override {
    std::filesystem::remove_all(folder_);
    ::unsetenv("SLURM_JOB_NODELIST");
    ::setenv("PATH", path_.c_str(), 1);
  }

  std::filesystem::path write(const std::string& file, const std::string& text) const {
    std::ofstream(folder_ / file) << text;
    return folder_ / file;
  }

  // Puts a kubectl with this text first in PATH.
  void script_kubectl(const std::string& text) const {
    const auto file = write("kubectl", "#!/bin/sh\n" + text);
    ::chmod(file.c_str(), 0700);
    ::setenv("PATH", (folder_.string() + ":" + path_).c_str(), 1);
  }

  std::string error_of_loading(const std::filesystem::path& file) const {
    try {
      load_experiment(file);
      return "";
    } catch (const UsageError& e) {
      return std::string(e.what()).substr(folder_.string().size() + 1);
    }
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("pingperf-fleet-" + std::to_string(::getpid()));
  const std::string path_ = std::getenv("PATH");
};

TEST_F(FleetSources, AFileOfHostsIsKeptWithTheExperiment) {
  write("hosts.txt", "a\nb 192.0.2.2\n");
  const auto file = write("x.yaml", with_hosts("  nodes: {ssh: \"@hosts.txt\"}\n  pattern: pairs"));
  const std::string text = read_experiment(file);
  std::filesystem::remove(folder_ / "hosts.txt");
  const Experiment e = parse_experiment(text, "elsewhere/experiment.yaml");
  EXPECT_EQ(e.hosts.front().name, "a-b");
  EXPECT_EQ(e.hosts.front().server->address, "192.0.2.2");
  EXPECT_EQ(e.hosts.front().server->location, "elsewhere/hosts.txt:2:1");
  EXPECT_THAT(error_of_loading(file), HasSubstr("x.yaml:3:16: "));
}

TEST_F(FleetSources, TheNodesOfTheJobComeFromSlurm) {
  const auto file = write("x.yaml", with_hosts("  nodes: {srun: job}\n  pattern: pairs"));
  EXPECT_THAT(error_of_loading(file), HasSubstr("SLURM_JOB_NODELIST is not set"));
  ::setenv("SLURM_JOB_NODELIST", "node[09-10]", 1);
  EXPECT_EQ(load_experiment(file).hosts.front().name, "node09-node10");
}

TEST_F(FleetSources, ASelectorFindsTheRunningPods) {
  const auto file =
      write("x.yaml",
            with_hosts("  nodes: {kubectl: {selector: app=x, namespace: n}}\n  pattern: pairs"));
  script_kubectl("echo \"$@\" > " + (folder_ / "arguments").string() +
                 "; echo p1 10.0.0.1; echo p2 10.0.0.2");
  const Experiment e = load_experiment(file);
  EXPECT_EQ(e.hosts.front().name, "p1-p2");
  EXPECT_EQ(e.hosts.front().server->address, "10.0.0.2");
  EXPECT_THAT(e.hosts.front().client->launch,
              ElementsAre("kubectl", "exec", "-i", "--namespace", "n", "p1", "--"));
  std::ifstream arguments(folder_ / "arguments");
  std::string line;
  std::getline(arguments, line);
  EXPECT_THAT(line, HasSubstr("get pods --selector=app=x --namespace=n"));
  EXPECT_THROW(load_experiment(file, {.no_launch = true}), UsageError);
  script_kubectl("exit 0");
  EXPECT_THAT(error_of_loading(file), HasSubstr("x.yaml:3:20: no running pod matches"));
  script_kubectl("echo error: no cluster >&2; exit 1");
  EXPECT_THAT(error_of_loading(file), HasSubstr("error: no cluster"));
}

// Returns the names of the cases of two pairs and two engines without what `exclude` matches.
std::vector<std::string> names_without(const std::string& exclude) {
  const Experiment experiment = parse_experiment(
      "name: x\nhosts:\n  pairs:\n"
      "    - {name: near, client: {ssh: a1}, server: {ssh: b1, address: 192.0.2.1}}\n"
      "    - {name: far, client: {ssh: a2}, server: {ssh: b2, address: 192.0.2.2}}\n"
      "workloads: {w: {kind: latency, matrix: {engine: [blocking, epoll]}, exclude: " +
          exclude + "}}\n",
      "x.yaml");
  std::vector<std::string> names;
  for (const Case& c : experiment.cases) names.push_back(c.name);
  return names;
}

TEST(Fleet, ExcludeKnowsPairs) {
  EXPECT_EQ(names_without("[{pair: far, engine: epoll}]"),
            (std::vector<std::string>{"w/engine=blocking/pair=near", "w/engine=blocking/pair=far",
                                      "w/engine=epoll/pair=near"}));
  EXPECT_EQ(names_without("[{engine: epoll}, {pair: near}]"),
            (std::vector<std::string>{"w/engine=blocking/pair=far"}));
  EXPECT_THROW(names_without("[{pair: nowhere}]"), UsageError);
  EXPECT_THROW(names_without("[{pair: far}, {pair: near}]"), UsageError);
}

}  // namespace
}  // namespace pingperf
