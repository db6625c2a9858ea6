"""Builds the final image of Containerfile from the static build, and runs it by podman. Needs root.

Usage: container_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import shutil
import subprocess
import unittest

import network
import support
from network import command
from support import SOURCE, pingperf

IMAGE = "localhost/pingperf-test"


class Containers(network.Network):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for program in ("podman", "runc"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"{program} is not installed")
        static = support.static_build()
        if not static:
            raise unittest.SkipTest("the static build of this commit is not there (tools/setup static)")
        storage = cls.shared / "storage"
        cls.podman = ["podman", f"--root={storage}", f"--runroot={cls.shared}/run", "--storage-driver=vfs",
                      "--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=none"]
        cls.addClassCleanup(subprocess.run, [*cls.podman, "rm", "--all", "--force", "--time=0"], capture_output=True)
        cls.build(static)

    @classmethod
    def build(cls, static):
        """Replaces the stage that compiles by a folder with its result."""
        image = cls.shared / "build/image"
        for name in ("usr/bin", "tmp", "work"):
            (image / name).mkdir(parents=True)
        shutil.copy(static, image / "usr/bin/pingperf")
        for name in ("tmp", "work"):
            (image / name).chmod(0o1777)
        done = subprocess.run([*cls.podman, "build", "-q", "--isolation=chroot", "-t", IMAGE,
                               f"--build-context=build={image.parent}", "-f", SOURCE / "Containerfile",
                               cls.shared / "build"], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise unittest.SkipTest("podman cannot build here: " + done.stderr.strip()[-300:])

    def run_image(self, *options, timeout=60):
        done = subprocess.run([*self.podman, "run", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", *map(str, options)], capture_output=True,
                              text=True, timeout=timeout)
        if done.returncode in (125, 126) and "OCI" in done.stderr:
            self.skipTest("podman cannot start a container here: " + done.stderr.strip()[-300:])
        return done

    def test_quickstart_runs_without_privileges(self):
        done = self.run_image("--rm", "--network=none", "--cap-drop=all", "--security-opt=no-new-privileges",
                              "-v", f"{SOURCE}/configs:/configs:ro", IMAGE, "run", "/configs/quickstart.yaml",
                              "--set", "plan.repetitions=1", "--set", "plan.cooldown=0ms",
                              "--set", "defaults.duration=100ms", "--set", "defaults.warmup=0ms")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_two_containers_are_hosts(self):
        for name, address in (("a", "10.79.0.1/24"), ("b", "10.79.0.2/24")):
            command("ip", "netns", "add", name)
            self.addCleanup(command, "ip", "netns", "delete", name)
            command("ip", "-n", name, "link", "set", "lo", "up")
        command("ip", "-n", "a", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", "b")
        for name, address in (("a", "10.79.0.1/24"), ("b", "10.79.0.2/24")):
            command("ip", "-n", name, "address", "add", address, "dev", "eth0")
            command("ip", "-n", name, "link", "set", "eth0", "up")
            done = self.run_image("-d", f"--name={name}", f"--network=ns:{network.NAMESPACES / name}", IMAGE, "idle")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.addCleanup(subprocess.run, [*self.podman, "rm", "--force", "--time=5", name], capture_output=True)
        launch = ", ".join([*self.podman, "exec", "-i"])
        done = pingperf("run", "-o", self.results, self.experiment(f"""
name: containers
plan: {{repetitions: 1, cooldown: 0ms}}
hosts:
  client: {{launch: [{launch}, a], pingperf: pingperf}}
  server: {{launch: [{launch}, b], pingperf: pingperf, address: 10.79.0.2}}
defaults: {{duration: 100ms, warmup: 0ms}}
workloads:
  bulk: {{kind: throughput, matrix: {{engine: [blocking, iperf3]}}}}
  ping: {{kind: latency, engine: blocking}}
  refused: {{kind: throughput, engine: splice}}
"""))
        rows = self.trials()
        self.assertEqual({*rows.status[rows.engine != "splice"]}, {"ok"}, done.stdout + done.stderr)
        # The seccomp profile of podman refuses vmsplice. Other ones permit it.
        self.assertIn([*rows.status[rows.engine == "splice"]], (["refused"], ["ok"]))


if __name__ == "__main__":
    support.main()
