// Changes of the system are undone, also after a failure or a kill. Each test has a network
// namespace of its own.
#include "harness/agent/changes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "harness/agent/host_facts.h"
#include "harness/base/command.h"
#include "harness/base/io.h"
#include "sockets/core/fd.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kSysctl = "net.ipv4.tcp_keepalive_time";

class ChangesTest : public testing::Test {
 protected:
  void SetUp() override {
    own_namespace_ = Fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNET) != 0)
      GTEST_SKIP() << "requires root, for a network namespace";
  }
  void TearDown() override {
    for (const auto& journal : journals())
      std::filesystem::remove(journal);  // no agent comes later
    ::setns(own_namespace_.get(), CLONE_NEWNET);
  }

  static std::string sysctl() { return read_file(sysctl_file(kSysctl)).value_or("?"); }

  static bool has_link(const std::string& name) {
    return run_command({"ip", "-brief", "link"}).find(name) != std::string::npos;
  }

  // Returns the journals of this namespace.
  static std::vector<std::filesystem::path> journals() {
    std::vector<std::filesystem::path> paths;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/run/pingperf", error))
      if (entry.path().filename().string().starts_with(network_namespace() + "-"))
        paths.push_back(entry.path());
    return paths;
  }

  static SystemChanges of_sysctl(const std::string& value) {
    SystemChanges changes;
    changes.sysctls = {{kSysctl, value, "x.yaml:1:1"}};
    return changes;
  }

  static SystemChanges of_link() {
    SystemChanges changes;
    changes.setup = {{{"ip", "link", "add", "vx0", "type", "bridge"}, ""},
                     {{"ip", "link", "set", "vx0", "up"}, ""}};
    changes.teardown = {{{"ip", "link", "delete", "vx0"}, ""}};
    return changes;
  }

  // Runs `change` in a child process, which then kills itself.
  template <typename Change>
  static void kill_after(Change change) {
    const pid_t child = ::fork();
    if (child == 0) {
      change();
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

 private:
  Fd own_namespace_;
};

TEST_F(ChangesTest, AreUndoneInTheReverseOrder) {
  const std::string before = sysctl();
  SystemChanges changes = of_link();
  changes.sysctls = of_sysctl("1234").sysctls;
  Changes system;
  system.make(changes, {});
  EXPECT_EQ(sysctl(), "1234\n");
  EXPECT_TRUE(has_link("vx0"));
  EXPECT_EQ(journals().size(), 1u);
  EXPECT_THAT(system.undo(), IsEmpty());
  EXPECT_EQ(sysctl(), before);
  EXPECT_FALSE(has_link("vx0"));
}

TEST_F(ChangesTest, EndWithTheirOwner) {
  const std::string before = sysctl();
  {
    Changes system;
    system.make(of_sysctl("1234"), {});
  }
  EXPECT_EQ(sysctl(), before);
  EXPECT_THAT(journals(), IsEmpty());
}

TEST_F(ChangesTest, AFailedSetupIsUndoneAsFarAsItCame) {
  SystemChanges changes = of_link();
  changes.setup[1].arguments = {"ip", "link", "set", "vx1", "up"};
  changes.sysctls = of_sysctl("1234").sysctls;
  const std::string before = sysctl();
  Changes system;
  try {
    system.make(changes, {});
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(),
                HasSubstr("ip link set vx1 up: exited with status 1: Cannot find device"));
  }
  EXPECT_FALSE(has_link("vx0"));
  EXPECT_EQ(sysctl(), before);
}

TEST_F(ChangesTest, AValueThatTheKernelRefusesIsAnError) {
  Changes system;
  EXPECT_THROW(system.make(of_sysctl("many"), {}), std::runtime_error);
  EXPECT_THAT(system.undo(), IsEmpty());
}

TEST_F(ChangesTest, AValueThatTheKernelAltersIsAnError) {
  SystemChanges changes;
  changes.sysctls = {{"net.ipv4.ip_local_port_range", "40000 30000", ""}};
  const std::string before = *read_file("/proc/sys/net/ipv4/ip_local_port_range");
  Changes system;
  EXPECT_THROW(system.make(changes, {}), std::runtime_error);
  EXPECT_EQ(read_file("/proc/sys/net/ipv4/ip_local_port_range"), before);
}

TEST_F(ChangesTest, TooFewValuesOfASysctlAreNamedWithTheirNumber) {
  Changes system;
  SystemChanges changes;
  changes.sysctls = {{"net.ipv4.tcp_rmem", "8192", ""}};
  try {
    system.make(changes, {});
    FAIL() << "no error";
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), testing::MatchesRegex(".*/tcp_rmem is '8192 [0-9]+ [0-9]+' after '8192' "
                                                "was written: it takes 3 values"));
  }
}

TEST_F(ChangesTest, AnUndoThatFailsIsReportedAndKept) {
  SystemChanges changes = of_link();
  changes.teardown = {{{"ip", "link", "delete", "vx9"}, ""}, {{"ip", "link", "delete", "vx0"}, ""}};
  {
    Changes system;
    system.make(changes, {});
    EXPECT_THAT(system.undo(), ElementsAre(HasSubstr("ip link delete vx9 (")));
    EXPECT_FALSE(has_link("vx0")) << "the other command ran";
  }
  ASSERT_EQ(journals().size(), 1u);
  // The next one tries it again. Now it succeeds.
  run_command({"ip", "link", "add", "vx9", "type", "bridge"});
  const Recovery recovery = undo_stale_changes();
  EXPECT_THAT(recovery.undone, ElementsAre("ip link delete vx9"));
  EXPECT_THAT(recovery.not_undone, IsEmpty());
  EXPECT_THAT(journals(), IsEmpty());
}

TEST_F(ChangesTest, OfAKilledProcessAreUndoneByTheNext) {
  const std::string before = sysctl();
  kill_after([&] {
    auto* const system = new Changes;
    SystemChanges changes = of_link();
    changes.sysctls = of_sysctl("1234").sysctls;
    system->make(changes, {});
  });
  EXPECT_EQ(sysctl(), "1234\n");
  EXPECT_TRUE(has_link("vx0"));
  const Recovery recovery = undo_stale_changes();
  EXPECT_THAT(recovery.undone,
              ElementsAre("ip link delete vx0", "echo " + before.substr(0, before.size() - 1) +
                                                    " > /proc/sys/net/ipv4/tcp_keepalive_time"));
  EXPECT_EQ(sysctl(), before);
  EXPECT_FALSE(has_link("vx0"));
  EXPECT_THAT(journals(), IsEmpty());
}

TEST_F(ChangesTest, ATornJournalIsUndoneAsFarAsItGoes) {
  const std::string before = sysctl();
  kill_after([&] {
    auto* const system = new Changes;
    SystemChanges changes = of_link();
    changes.sysctls = of_sysctl("1234").sysctls;
    system->make(changes, {});
  });
  const auto file = journals().at(0);
  const std::string whole = *read_file(file);
  const std::size_t last_step = whole.rfind("{\"begin\"");
  for (std::size_t size = last_step; size < whole.size(); size += 7) {
    std::ofstream(file) << whole.substr(0, size);
    std::ofstream(sysctl_file(kSysctl)) << "1234";
    undo_stale_changes();
    EXPECT_EQ(sysctl(), before) << size;
    std::ofstream(file) << whole;
  }
  undo_stale_changes();
  EXPECT_FALSE(has_link("vx0"));
}

TEST_F(ChangesTest, OnlyOneProcessChangesANetworkNamespace) {
  Changes first;
  first.make(of_sysctl("1234"), {});
  Changes second;
  try {
    second.make(of_sysctl("5678"), {});
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("another run (agent " + std::to_string(::getpid())));
  }
  EXPECT_EQ(sysctl(), "1234\n");
  EXPECT_THAT(undo_stale_changes().undone, IsEmpty()) << "its owner lives";
}

TEST_F(ChangesTest, TheMtuAndOffloadsAreThoseOfTheInterfaceThatCarriesTheData) {
  run_command({"ip", "link", "add", "ve0", "type", "veth", "peer", "name", "ve1"});
  run_command({"ip", "address", "add", "192.0.2.1/24", "dev", "ve0"});
  run_command({"ip", "link", "set", "ve0", "up"});
  run_command({"ip", "link", "set", "ve1", "up"});
  run_command({"ethtool", "-K", "ve0", "tx-tcp-mangleid-segmentation", "off"});
  const auto state = [] {
    return run_command({"ip", "-json", "link", "show", "dev", "ve0"}) +
           run_command({"ethtool", "-k", "ve0"});
  };
  const std::string before = state();
  SystemChanges changes;
  changes.mtu = 1400;
  changes.offloads = false;
  Changes system;
  for (const char* const address : {"192.0.2.1", "192.0.2.2"}) {
    system.make(changes, {address});
    EXPECT_THAT(state(), HasSubstr("\"mtu\":1400"));
    EXPECT_THAT(state(), HasSubstr("tcp-segmentation-offload: off"));
    EXPECT_THAT(system.undo(), IsEmpty());
    EXPECT_EQ(state(), before);
  }
}

TEST_F(ChangesTest, WhatAHostLacksIsNamed) {
  SystemChanges changes;
  changes.sysctls = {{"net.ipv4.tcp_rmemm", "1", "x.yaml:3:5"}};
  changes.setup = {{{"no-such-command"}, "x.yaml:4:9"},
                   {{"ip", "link", "add", "a0", "type", "nonsense"}, "x.yaml:5:9"},
                   {{"ip", "link", "add", "a0", "type", "veth"}, "x.yaml:6:9"}};
  EXPECT_THAT(problems_of(changes),
              ElementsAre(HasSubstr("x.yaml:3:5: sysctl: this host has no net.ipv4.tcp_rmemm"),
                          "x.yaml:4:9: there is no executable no-such-command in PATH",
                          "x.yaml:5:9: this kernel has no devices of type nonsense"));
}

TEST_F(ChangesTest, ANetworkNamespaceChangesNoSysctlOfTheMachine) {
  SystemChanges changes;
  changes.sysctls = {{"net.ipv4.tcp_rmem", "4096 4096 4096", "x.yaml:3:5"},
                     {"vm.swappiness", "1", "x.yaml:4:5"}};
  EXPECT_THAT(problems_of(changes),
              ElementsAre("x.yaml:4:5: sysctl: vm.swappiness is that of the whole machine: a "
                          "network namespace can change net.* only"));
}

TEST(Sysctl, NamesHaveDotsOrSlashes) {
  EXPECT_EQ(sysctl_file("net.ipv4.tcp_rmem"), "/proc/sys/net/ipv4/tcp_rmem");
  EXPECT_EQ(sysctl_file("net/ipv4/conf/eth0.1/mtu"), "/proc/sys/net/ipv4/conf/eth0.1/mtu");
  EXPECT_EQ(sysctl_file("net.ipv4.conf.eth0/1.mtu"), "/proc/sys/net/ipv4/conf/eth0.1/mtu");
}

}  // namespace
}  // namespace pingperf
