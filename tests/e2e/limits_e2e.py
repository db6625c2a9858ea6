"""Runs trials whose ends meet a limit of their host. Each row names what failed, how many of how many, and the limit.

Usage: limits_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import shutil
import unittest

import support
from support import pingperf


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


if __name__ == "__main__":
    support.main()
