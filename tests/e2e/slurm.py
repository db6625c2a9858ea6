"""A Slurm cluster for the end-to-end tests: a controller and nodes in namespaces of their own."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import network
import support
from network import command
from support import eventually

PROGRAMS = ("/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "/usr/bin/sbatch")
CONTROLLER = "ctl"

CONFIGURATION = """
ClusterName=test
SlurmctldHost={controller}(10.77.0.1)
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
KillWait=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0
{nodes}
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Cluster(network.Network):
    """A cluster that the tests of a class share."""

    nodes = ("node1", "node2", "node3")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for program in PROGRAMS:
            if not os.path.exists(program):
                raise unittest.SkipTest(f"{program} is not installed (slurm-wlm, munge)")
        cls.cluster = Path(tempfile.mkdtemp(prefix="pingperf-slurm-", dir="/tmp"))
        cls.addClassCleanup(command, "rm", "-r", "-f", cls.cluster)
        cls.cluster.chmod(0o755)
        cls.addresses = {node: f"10.77.0.{11 + i}" for i, node in enumerate(cls.nodes)}
        cls.make_network()
        cls.environment = {**os.environ, "SLURM_CONF": str(cls.cluster / "slurm.conf"),
                           "PATH": f"{Path(support.PINGPERF).parent}:{os.environ['PATH']}"}
        (cls.cluster / "slurm.conf").write_text(CONFIGURATION.format(
            controller=CONTROLLER, folder=cls.cluster, nodes="\n".join(
                f"NodeName={node} NodeAddr={address} CPUs=2 State=UNKNOWN"
                for node, address in cls.addresses.items())))
        cls.start_daemons()
        if not eventually(lambda: cls.slurm("sinfo", "-h", "-o", "%T %D").stdout.split() ==
                          ["idle", str(len(cls.nodes))], 20):
            raise unittest.SkipTest("Slurm does not start here: " + cls.slurm("sinfo").stdout + cls.last_errors())

    @classmethod
    def make_network(cls):
        """A bridge beside the controller, and a veth pair to each node."""
        hosts = cls.cluster / "hosts"
        hosts.write_text("127.0.0.1 localhost\n10.77.0.1 ctl\n" +
                         "".join(f"{address} {node}\n" for node, address in cls.addresses.items()))
        command("mount", "--bind", hosts, "/etc/hosts")  # in the mount namespace of this test
        cls.addClassCleanup(command, "umount", "/etc/hosts")
        for name in (CONTROLLER, *cls.nodes):
            command("ip", "netns", "add", name)
            cls.addClassCleanup(command, "ip", "netns", "delete", name)
            command("ip", "-n", name, "link", "set", "lo", "up")
        command("ip", "-n", CONTROLLER, "link", "add", "br0", "type", "bridge")
        command("ip", "-n", CONTROLLER, "address", "add", "10.77.0.1/24", "dev", "br0")
        command("ip", "-n", CONTROLLER, "link", "set", "br0", "up")
        for node, address in cls.addresses.items():
            command("ip", "-n", CONTROLLER, "link", "add", node, "type", "veth", "peer", "name", "eth0", "netns", node)
            command("ip", "-n", CONTROLLER, "link", "set", node, "master", "br0", "up")
            command("ip", "-n", node, "address", "add", f"{address}/24", "dev", "eth0")
            command("ip", "-n", node, "link", "set", "eth0", "up")

    @classmethod
    def start_daemons(cls):
        folder = cls.cluster
        (folder / "state").mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        cls.daemon("munged", "/usr/sbin/munged", "--foreground", "--force", f"--socket={folder}/munge.socket",
                   f"--key-file={key}", f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munged.seed",
                   f"--log-file={folder}/munged.log")
        eventually(lambda: (folder / "munge.socket").exists())
        cls.daemon("slurmctld", *cls.on(CONTROLLER), "/usr/sbin/slurmctld", "-D")
        for node in cls.nodes:
            cls.daemon(node, *cls.on(node), "/usr/sbin/slurmd", "-D", "-N", node)

    @classmethod
    def on(cls, name):
        """Returns the words that run a command in a namespace, with its host name.

        ip-netns-exec(8) would mount a /sys without control groups, which slurmd requires."""
        return ("nsenter", f"--net={network.NAMESPACES / name}", "unshare", "--mount", "--uts", "sh", "-c",
                f'hostname {name}; exec "$0" "$@"')

    @classmethod
    def daemon(cls, name, *words):
        errors = open(cls.cluster / f"{name}.err", "w", encoding="utf-8")
        process = subprocess.Popen([*map(str, words)], env=cls.environment, stdin=subprocess.DEVNULL,
                                   stdout=errors, stderr=errors)
        errors.close()
        cls.addClassCleanup(cls.end, process)

    @staticmethod
    def end(process):
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @classmethod
    def last_errors(cls):
        return "".join(f"{file.name}: {file.read_text()[-300:]}\n" for file in sorted(cls.cluster.glob("*.err")))

    @classmethod
    def slurm(cls, *words, cwd=None):
        """Runs a command of Slurm beside the controller."""
        return subprocess.run([*map(str, (*cls.on(CONTROLLER), *words))], env=cls.environment, cwd=cwd,
                              capture_output=True, text=True, timeout=60)

    def submit(self, *words):
        """Submits a job in the test's folder. Returns its number."""
        done = self.slurm("sbatch", "--parsable", "--output", self.folder / "job.out", *words, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        job = done.stdout.strip()
        self.addCleanup(self.slurm, "scancel", job)
        return job

    def state_of(self, job):
        return self.slurm("squeue", "-h", "-j", job, "-o", "%T").stdout.strip()

    def await_end(self, job, seconds=40):
        self.assertTrue(eventually(lambda: self.state_of(job) == "", seconds), self.output())

    def output(self):
        file = self.folder / "job.out"
        return file.read_text() if file.exists() else "the job has no output"
