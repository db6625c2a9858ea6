"""Runs trials whose ends meet a limit of their host. Each row names what failed, how many of how many, and the limit.

Usage: limits_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import shutil
import subprocess
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
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            self.skipTest("requires two CPUs")
        inner, outer = usable[:2]
        group = control_group(self, "cpuset")
        try:
            (group / "cpuset.mems").write_text("0")
            (group / "cpuset.cpus").write_text(str(inner))
        except OSError as error:
            self.skipTest(f"cannot limit the CPUs of a control group: {error}")
        file = self.experiment(f"""
name: cpuset
hosts: {{client: {{launch: [{inside(group)}]}}}}
plan: {{repetitions: 1, cooldown: 0ms}}
defaults: {{kind: latency, engine: blocking, duration: 50ms, warmup: 0ms}}
workloads:
  inside: {{pin: {{client: {inner}}}}}
  outside: {{pin: {{client: {outer}}}}}
  both: {{pin: {{client: '{inner},{outer}'}}}}
""")
        refused = pingperf("run", "-o", self.results, file)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn(f"CPU {outer} is not one that pingperf may use: {inner}", refused.stderr)
        done = pingperf("run", "--force", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials().set_index("workload")
        self.assertEqual(dict(trials.status), {"inside": "ok", "outside": "refused", "both": "refused"})
        self.assertEqual(trials.error["outside"],
                         f"client: cannot pin the client to CPU {outer}: pingperf may use CPU {inner} of this host")

    def errors_in(self, group, text):
        """Runs the experiment with the client in the control group. Returns the errors of the trials by workload."""
        file = self.experiment(f"name: limits\nhosts: {{client: {{launch: [{inside(group)}]}}}}\n"
                               f"plan: {{repetitions: 1, cooldown: 0ms, timeout: 20s}}\n{text}")
        done = pingperf("run", "--force", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials().set_index("workload")
        return {name: error for name, error in trials.error.items() if isinstance(error, str)}

    def test_a_worker_that_is_killed_for_want_of_memory_says_so_with_the_limit(self):
        group = control_group(self, "memory")
        limits = [file for file in ("memory.max", "memory.limit_in_bytes") if (group / file).exists()]
        (group / limits[0]).write_text(str(48 << 20))
        if (group / "memory.swap.max").exists():
            (group / "memory.swap.max").write_text("0")
        errors = self.errors_in(group, """
defaults: {duration: 50ms, warmup: 0ms}
workloads:
  large: {kind: throughput, engine: blocking, streams: 4, message_size: 32MiB}
  small: {kind: latency, engine: blocking}
""")
        self.assertEqual(list(errors), ["large"], errors)
        self.assertIn("client: worker of engine 'blocking' was killed by SIGKILL: out of memory: "
                      "its control group has 48 MiB", errors["large"])

    def test_without_tasks_a_worker_says_which_thread_and_an_agent_that_it_cannot_fork(self):
        group = control_group(self, "pids")
        (group / "pids.max").write_text("3")  # the agent, its worker, and one thread
        experiment = """
defaults: {duration: 100ms, warmup: 0ms}
workloads:
  ours: {kind: latency, engine: blocking}
  theirs: {kind: throughput, engine: iperf3}
"""
        errors = self.errors_in(group, experiment)
        see = "cannot start (see ulimit -u, ulimit -v and the pids limit of the cgroup)"
        self.assertIn(f"client: thread 1 of 1 {see}", errors["ours"])
        self.assertIn(f"client: the thread that counts CPU time {see}", errors["theirs"])
        (group / "pids.max").write_text("1")
        file = self.folder / "experiment.yaml"
        done = pingperf("run", "--force", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("pingperf agent: fork: Resource temporarily unavailable "
                      "(see ulimit -u and the pids limit of the cgroup)", done.stderr)


class Surroundings(support.EndToEnd):
    """Hosts that lack what others have."""

    def run_under(self, *launcher, **options):
        """Runs the experiment in what the launcher makes. Returns the process, which has ended with 3."""
        file = self.experiment("""
name: surroundings
plan: {repetitions: 1, cooldown: 0ms}
defaults: {kind: latency, engine: blocking, duration: 100ms, warmup: 0ms}
workloads:
  tcp: {}
  udp: {transport: udp}
  six: {ip: 6}
  bulk: {kind: throughput, engine: iperf3}
""")
        if launcher and subprocess.run([*launcher, "true"], capture_output=True).returncode != 0:
            self.skipTest(f"requires {' '.join(launcher)}")
        command = [*launcher, support.PINGPERF, "run", "--force", "-o", self.results, file]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        return done

    def errors_under(self, *launcher, **options):
        """Runs the experiment in what the launcher makes. Returns the errors of the trials by workload."""
        self.run_under(*launcher, **options)
        trials = self.trials().set_index("workload")
        return {name: error for name, error in trials.error.items() if isinstance(error, str)}

    def test_a_loopback_interface_that_is_down_is_named(self):
        errors = self.errors_under("unshare", "--net")
        for workload in ("tcp", "udp", "bulk"):
            self.assertRegex(errors[workload], r"Network is unreachable \(the loopback interface is down: ip link set lo up\)")
        self.assertRegex(errors["six"], r"bind \[::1\]:0: .* \(no interface of this host has the address\)")

    def test_iperf3_names_its_folder_if_it_is_missing_or_full(self):
        errors = self.errors_under(env={**os.environ, "TMPDIR": str(self.folder / "missing")})
        self.assertEqual(list(errors), ["bulk"])
        self.assertRegex(errors["bulk"], "iperf3 keeps its buffers in files in .*/missing: No such file or directory: set TMPDIR")
        shutil.rmtree(self.results)
        errors = self.errors_under("unshare", "--mount", "sh", "-c",
                                   'mount -t tmpfs -o size=8k none /dev/shm && exec "$@"', "sh",
                                   env={**os.environ, "TMPDIR": "/dev/shm"})
        self.assertIn("/dev/shm: it has no room for 128 KiB: set TMPDIR", errors["bulk"])

    def test_iperf3_keeps_its_buffers_in_a_folder_without_a_limit(self):
        errors = self.errors_under("unshare", "--mount", "sh", "-c",
                                   'mount -t tmpfs -o size=0 none /dev/shm && exec "$@"', "sh",
                                   env={**os.environ, "TMPDIR": "/dev/shm"})
        self.assertEqual(errors, {})

    def test_without_proc_the_error_says_how_to_mount_it(self):
        done = self.run_under("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")
        self.assertIn("pingperf requires /proc: mount -t proc proc /proc", done.stderr)


if __name__ == "__main__":
    support.main()
