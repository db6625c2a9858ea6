"""Runs trials whose ends meet a limit of their host. Each row names what failed, how many of how many, and the limit.

Usage: limits_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import shutil
import unittest
from pathlib import Path

import support
from support import eventually, pingperf


@unittest.skipUnless(shutil.which("prlimit"), "prlimit (util-linux) is missing")
class Limits(support.EndToEnd):
    def errors(self, text, *launcher, end="client"):
        """Runs the experiment with one end under a launcher. Returns the errors of the trials by workload."""
        file = self.experiment(f"name: limits\nplan: {{repetitions: 1, cooldown: 0ms}}\n"
                               f"hosts: {{{end}: {{launch: [{', '.join(launcher)}]}}}}\n{text}")
        done = pingperf("run", "--force", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials().set_index("workload")
        self.assertEqual(set(trials.status), {"failed"}, dict(trials.error))
        return dict(trials.error)

    CONNECTS = """
defaults: {kind: connect, streams: 50, duration: 200ms, warmup: 0ms}
workloads:
  epoll: {engine: epoll, threads: 1}
  io_uring: {engine: io_uring, threads: 2}
  blocking: {engine: blocking}
  rings: {kind: latency, engine: io_uring, streams: 25, threads: 25}
  udp: {kind: latency, engine: epoll, transport: udp}
"""

    def test_without_descriptors_a_client_says_which_of_how_many(self):
        errors = self.errors(self.CONNECTS, "prlimit", "--nofile=40:40")
        limit = r"Too many open files \(ulimit -n: 40\)"
        for workload in ("epoll", "io_uring", "blocking"):
            self.assertRegex(errors[workload], rf"client: connection 3\d of 50: socket: {limit}")
        self.assertRegex(errors["rings"], rf"client: thread \d+ of 25: io_uring of \d+ entries: {limit}")
        self.assertRegex(errors["udp"], rf"client: flow 3\d of 50: socket: {limit}")

    def test_without_descriptors_a_server_says_which_of_how_many(self):
        errors = self.errors(self.CONNECTS, "prlimit", "--nofile=40:40", end="server")
        limit = r"Too many open files \(ulimit -n: 40\)"
        for workload in ("epoll", "io_uring"):
            self.assertRegex(errors[workload], rf"server: connection \d+ of 50: socket: {limit}")
        self.assertRegex(errors["blocking"], rf"server: thread \d+ of 50: dup of the listener: {limit}")
        self.assertRegex(errors["rings"], rf"server: thread \d+ of 25: io_uring of \d+ entries: {limit}")
        self.assertRegex(errors["udp"], rf"server: flow 3\d of 50: socket: {limit}")


def control_group(test, controller):
    """Makes a control group with the controller. Skips the test where that is not possible."""
    v1 = Path("/sys/fs/cgroup", controller)
    group = (v1 if v1.is_dir() else Path("/sys/fs/cgroup")) / f"pingperf-limits-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        test.skipTest(f"no control group: {error}")
    test.addCleanup(lambda: eventually(lambda: remove(group)))
    if not any(group.glob(f"{controller}.*")):
        test.skipTest(f"the control group has no {controller}")
    return group


def remove(group):
    """Returns whether the group is gone: it stays while it has processes."""
    try:
        group.rmdir()
    except OSError:
        return not group.exists()
    return True


def inside(group):
    """Returns the launcher that starts an agent in the control group."""
    return f"sh, -c, 'echo $$ >{group}/cgroup.procs; exec \"$@\"', sh"


class ControlGroups(support.EndToEnd):
    def test_a_pin_outside_the_cpuset_is_refused_and_one_inside_works(self):
        if os.cpu_count() < 2:
            self.skipTest("requires two CPUs")
        group = control_group(self, "cpuset")
        (group / "cpuset.mems").write_text("0")
        (group / "cpuset.cpus").write_text("0")
        file = self.experiment(f"""
name: cpuset
hosts: {{client: {{launch: [{inside(group)}]}}}}
plan: {{repetitions: 1, cooldown: 0ms}}
defaults: {{kind: latency, engine: blocking, duration: 50ms, warmup: 0ms}}
workloads:
  inside: {{pin: {{client: 0}}}}
  outside: {{pin: {{client: 1}}}}
  both: {{pin: {{client: 0-1}}}}
""")
        refused = pingperf("run", "-o", self.results, file)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("CPU 1 is not one that pingperf may use: 0", refused.stderr)
        done = pingperf("run", "--force", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials().set_index("workload")
        self.assertEqual(dict(trials.status), {"inside": "ok", "outside": "refused", "both": "refused"})
        self.assertEqual(trials.error["outside"],
                         "client: cannot pin the client to CPU 1: pingperf may use CPU 0 of this host")


if __name__ == "__main__":
    support.main()
