"""Runs the committed experiments with variants, and variants that fail. Each leaves the system as it was.
Needs root.

Usage: variants_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import ctypes
import itertools
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import yaml

import network
import ssh_e2e
import support
from network import command
from support import SOURCE, eventually, is_measuring, pingperf, processes_of

EXPERIMENTS = {  # each with the commands that it requires
    "tcp-buffers": [],
    "mtu-and-offloads": ["ethtool"],
    "overlay": [],
    "firewall": ["nft"],
    "proxy": ["socat", "haproxy"],
    "userspace-vpn": ["openvpn"],
    "cgroup-quota": [],
    "congestion-control-of-a-route": [],
}
RMEM = "net.ipv4.tcp_rmem"
OTHER_RMEM = "4096 16384 65536"

PING = """
name: variants
plan: {repetitions: 2, cooldown: 0ms}
workloads:
  ping: {kind: latency, engine: blocking, transport: tcp, duration: 100ms, warmup: 0ms}
variants:
  plain: {}
"""
# Forwards each connection. Once, it ends in the middle of one.
PROXY = """
import os, socket, sys, threading
address, own_port, port, once = sys.argv[1:]
def forward(source, sink):
    count = 0
    while data := source.recv(65536):
        sink.sendall(data)
        count += len(data)
        if count > 10_000 and not os.path.exists(once):
            open(once, "w").close()
            print("the proxy gives up", file=sys.stderr, flush=True)
            os._exit(1)
    sink.shutdown(socket.SHUT_WR)
listener = socket.create_server((address, int(own_port)))
while True:
    client = listener.accept()[0]
    server = socket.create_connection((address, int(port)))
    for ends in ((client, server), (server, client)):
        threading.Thread(target=forward, args=ends, daemon=True).start()
"""


def sysctl(name):
    return " ".join(Path("/proc/sys", *name.split(".")).read_text().split())


def groups():
    """Returns the control groups of pingperf whose process has ended."""
    found = Path("/sys/fs/cgroup").glob("**/pingperf-[0-9]*")
    return {str(group) for group in found if not Path("/proc", group.name.rpartition("-")[2]).exists()}


class Variants(network.Network):
    """Each test has a network namespace of its own, and leaves its system as it has found it."""

    def setUp(self):
        super().setUp()
        new_network = 0x40000000
        if ctypes.CDLL(None, use_errno=True).unshare(new_network) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        command("ip", "link", "set", "lo", "up")
        self.mark = f"PINGPERF_TEST={self.folder}"  # in the environment of all processes of the test
        os.environ.update([self.mark.split("=")])
        self.addCleanup(self.check_system, self.system())

    def system(self):
        """Returns what variants may change."""
        links = [[link[key] for key in ("ifname", "mtu", "operstate")] + [link["addr_info"]]
                 for link in json.loads(command("ip", "-json", "address").stdout)]
        rules = command("nft", "list", "ruleset").stdout if shutil.which("nft") else ""
        routes = command("ip", "route").stdout
        return {"sysctl": sysctl(RMEM), "links": links, "rules": rules, "routes": routes}

    def processes(self):
        """Returns the other processes of the test."""
        mark = self.mark.encode()

        def has_mark(process):
            try:
                return mark in Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
            except OSError:
                return False

        return [process for process in support.all_processes() if process != os.getpid() and has_mark(process)]

    def check_system(self, before):
        self.assertEqual(self.system(), before)
        self.assertTrue(eventually(lambda: not self.processes()), self.processes())

    def run_with(self, variants, *arguments):
        """Runs the ping with more variants."""
        self.file = self.experiment(PING + yaml.safe_dump({"v": variants}).partition("\n")[2])
        return pingperf("run", "-q", "-o", self.results, self.file, *arguments)

    def check_others_are_ok(self, done):
        """The trials of plain are ok, and others are not. Returns the rows of the others."""
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        trials = self.trials()
        self.assertEqual(list(trials.status[trials.variant == "plain"]), ["ok", "ok"])
        return trials[trials.variant != "plain"]


class Committed(Variants):
    """Runs experiments of configs/."""

    QUICK = {"plan.repetitions": 1, "plan.cooldown": "0ms", "defaults.duration": "200ms", "defaults.warmup": "50ms"}

    def check_run(self, name, **settings):
        """Runs an experiment for a moment. Returns its trials."""
        lacks = next((word for word in EXPERIMENTS[name] if not shutil.which(word)), None)
        if lacks:
            self.skipTest(f"{lacks} is not installed")
        file = SOURCE / f"configs/{name}.yaml"
        values = {**self.QUICK, **settings}
        done = pingperf("run", "-q", "-o", self.results, file,
                        *itertools.chain(*(("--set", f"{key}={value}") for key, value in values.items())))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        trials = self.trials()
        self.assertEqual(set(trials.status), {"ok"})
        text = yaml.safe_load(file.read_text())
        self.assertEqual(set(trials.variant), set(text["variants"]))
        self.assertEqual(len(trials), values["plan.repetitions"] * len(text["variants"]) * len(text["workloads"]))
        for _, block in trials.sort_values("position").groupby("block"):
            switches = [variant for variant, _ in itertools.groupby(block.variant)]
            self.assertEqual(sorted(switches), sorted(text["variants"]))  # each once
        comparisons = support.read_table(self.run_directory() / "comparisons.csv")
        baselines = {entry["baseline"] for entry in text["compare"] if entry["axis"] == "variant"}
        self.assertEqual({case.partition("/variant=")[2] for case in comparisons.baseline}, baselines)
        self.assertTrue((comparisons.ratio > 0).all())
        return trials


class Experiments(Committed):
    def test_tcp_buffers(self):
        self.check_run("tcp-buffers")

    def test_mtu_and_offloads(self):
        self.check_run("mtu-and-offloads")

    def test_overlay(self):
        self.check_run("overlay")

    def test_congestion_control_of_a_route(self):
        available = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
        if not {"bbr", "cubic", "reno"} <= set(available):
            self.skipTest("this kernel lacks bbr, cubic or reno")
        self.check_run("congestion-control-of-a-route")


class Judged(Committed):
    """The experiments whose figures are judged: each variant has its effect."""

    TWICE = {"plan.repetitions": 2, "defaults.duration": "100ms", "defaults.warmup": "20ms"}
    HAS_PRIORITY = True

    @staticmethod
    def shortest_round_trips(trials):
        """Returns the shortest median of each variant, which other programs disturb the least."""
        return trials[trials.workload == "ping"].groupby("variant").rtt_p50_ns.min()

    def test_firewall(self):
        rtt = self.shortest_round_trips(self.check_run("firewall", **self.TWICE))
        self.assertGreater(rtt["rules_1000"], rtt["no_rules"])

    def test_proxy(self):
        rtt = self.shortest_round_trips(self.check_run("proxy", **self.TWICE))
        for proxy in ("socat", "haproxy"):
            self.assertGreater(rtt[proxy], rtt["direct"])

    def test_userspace_vpn(self):
        rtt = self.shortest_round_trips(self.check_run("userspace-vpn"))
        self.assertGreater(rtt["tunnel"], rtt["plain"])

    def test_cgroup_quota(self):
        former = groups()
        trials = self.check_run("cgroup-quota", **{**self.TWICE, "defaults.duration": "500ms"})
        quota, period = 0.1, 0.1
        limited = trials[(trials.variant == "cpu_10") & (trials.workload == "bulk")]
        for cpu in (limited.client_cpu_s, limited.server_cpu_s):
            self.assertTrue((cpu <= quota * (limited.duration_s + 2 * period)).all(), list(cpu))
        goodput = trials.groupby("variant").throughput_bps.max()
        self.assertLess(goodput["cpu_10"], goodput["unlimited"])
        self.assertEqual(groups() - former, set())


class Failures(Variants):
    def test_a_service_that_dies_at_once_makes_refused_rows(self):
        dies = ["sh", "-c", "echo cannot listen at {service_port} >&2; exit 7"]
        rows = self.check_others_are_ok(
            self.run_with({"dies": {"service": {"on": "server", "run": dies}, "dial": "{service_port}"}}))
        self.assertEqual(list(rows.status), ["refused", "refused"])
        self.assertTrue(rows.error.str.contains("cannot listen at").all(), list(rows.error))

    def test_a_service_that_dies_in_a_trial_fails_that_trial_and_is_started_anew(self):
        proxy = self.folder / "proxy.py"
        proxy.write_text(PROXY)
        run = ["/usr/bin/python3", str(proxy), "{address}", "{service_port}", "{port}", str(self.folder / "once")]
        rows = self.check_others_are_ok(self.run_with(
            {"dies": {"service": {"on": "server", "run": run}, "dial": "{service_port}"}},
            "--set", "workloads.ping.duration=1s"))
        self.assertEqual(list(rows.status), ["failed", "ok"])
        self.assertIn("the proxy gives up", rows.error.iloc[0])

    def test_a_set_up_that_fails_is_undone_and_the_run_goes_on(self):
        add, delete = (["ip", "link", *words] for words in (["add", "half0", "type", "veth"], ["delete", "half0"]))
        rows = self.check_others_are_ok(self.run_with(
            {"half": {"setup": [add, ["sh", "-c", "echo the second fails >&2; exit 4"]], "teardown": [delete]}}))
        self.assertEqual(list(rows.status), ["refused", "refused"])
        self.assertTrue(rows.error.str.contains("the second fails").all(), list(rows.error))

    def test_a_value_that_the_kernel_refuses(self):
        rows = self.check_others_are_ok(self.run_with({"wrong": {"sysctl": {RMEM: "nonsense"}}}))
        self.assertEqual(list(rows.status), ["refused", "refused"])
        self.assertTrue(rows.error.str.contains("the kernel does not accept 'nonsense'").all(), list(rows.error))

    def test_what_the_host_lacks_is_reported_before_the_run(self):
        for variant, text in (({"sysctl": {"net.ipv4.tcp_rmen": "1"}}, "this host has no net.ipv4.tcp_rmen"),
                              ({"setup": [["no-such-command"]], "teardown": []}, "no-such-command"),
                              ({"service": {"on": "server", "run": ["no-such-proxy", "{service_port}"]},
                                "dial": "{service_port}"}, "no-such-proxy")):
            with self.subTest(text):
                done = self.run_with({"lacks": variant})
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertRegex(done.stderr, rf"experiment\.yaml:\d+:\d+: .*{text}")

    def test_a_teardown_that_fails_is_kept_until_it_is_undone(self):
        made, allowed = self.folder / "made", self.folder / "allowed"
        undo = ["sh", "-c", f"test -e {allowed} && rm {made}"]
        done = self.run_with({"kept": {"setup": [["touch", str(made)]], "teardown": [undo]}})
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn(f"rm {made}", done.stderr.replace("runs: ", "", 1))
        self.assertTrue(made.exists())
        self.assertNotEqual(list(self.trials().status), ["ok"] * 4)
        allowed.touch()
        cleaned = pingperf("doctor", "--clean")
        self.assertEqual(cleaned.returncode, 0, cleaned.stderr)
        self.assertIn(f"rm {made}", cleaned.stdout + cleaned.stderr)
        self.assertFalse(made.exists())
        again = pingperf("doctor", "--clean")
        self.assertNotIn(str(made), again.stdout + again.stderr)

    def test_no_launch_refuses_commands_and_sysctls(self):
        for variant in ({"sysctl": {RMEM: OTHER_RMEM}}, {"setup": [["true"]], "teardown": []},
                        {"cgroup": {"cpu": "50%"}}, {"mtu": 1500},
                        {"service": {"on": "server", "run": ["true"], "ready": {"after": "10ms"}}}):
            with self.subTest(variant):
                done = self.run_with({"refused": variant}, "--no-launch")
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn("--no-launch", done.stderr)

    def test_the_environment_of_a_variant_reaches_a_program(self):
        file = self.experiment("""
name: environment
plan: {repetitions: 1, cooldown: 0ms}
programs:
  mine:
    kind: latency
    client: [sh, -c, "echo rtt $FIGURE"]
    parameters: [duration]
    results: {rtt_mean_ns: {regex: "rtt ([0-9]+)"}}
variants:
  a: {env: {FIGURE: "1000"}}
  b: {env: {FIGURE: "2000"}}
workloads:
  ping: {kind: latency, engine: mine, duration: 100ms}
""")
        self.run_ok("-q", file)
        trials = self.trials().set_index("variant")
        self.assertEqual((trials.rtt_mean_ns["a"], trials.rtt_mean_ns["b"]), (1000, 2000))


class Interruption(Variants):
    CHANGES = {"sysctl": {RMEM: OTHER_RMEM}, "settle": "0ms", "setup": [["ip", "link", "add", "made0", "type", "veth"]],
               "teardown": [["ip", "link", "delete", "made0"]],
               "service": {"on": "server", "run": ["sleep", "1000"], "ready": {"after": "10ms"}}}

    def test_ctrl_c_undoes_all_and_a_second_run_meanwhile_is_refused(self):
        text = PING + yaml.safe_dump({"v": {"changed": self.CHANGES}}).partition("\n")[2]
        file = self.experiment(text.replace("duration: 100ms", "duration: 1s"))
        run = self.start("run", "-q", file, "-o", self.results, start_new_session=True, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        self.assertTrue(eventually(lambda: sysctl(RMEM) == OTHER_RMEM))
        second = pingperf("run", "-q", "-o", self.folder / "second", file)
        self.assertEqual(second.returncode, 2, second.stdout + second.stderr)
        self.assertTrue(eventually(lambda: sysctl(RMEM) == OTHER_RMEM and is_measuring(processes_of(run.pid))))
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(timeout=20), 130)
        self.assertNotEqual(sysctl(RMEM), OTHER_RMEM)
        self.assertNotIn("made0", command("ip", "link").stdout)
        resumed = pingperf("run", "-q", "--resume", self.run_directory())
        self.assertEqual(resumed.returncode, 0, resumed.stdout + resumed.stderr)
        trials = self.trials()
        ok = trials[trials.status == "ok"]
        self.assertEqual(sorted(zip(ok.block, ok.variant)),
                         [(block, variant) for block in (1, 2) for variant in ("changed", "plain")])


class OverSsh(ssh_e2e.Remote):
    def test_a_variant_changes_the_remote_host_and_puts_it_back(self):
        def rmem(end):
            return command("ip", "netns", "exec", end, "sysctl", "-n", RMEM).stdout.split()

        before = rmem(self.server)
        self.assertNotEqual(before, OTHER_RMEM.split())
        seen, add = self.folder / "seen", ["ip", "link", "add", "made0", "type", "veth"]
        variants = {"plain": {}, "changed": {
            "sysctl": {"server": {RMEM: OTHER_RMEM}},
            "setup": {"server": [["sh", "-c", f"sysctl -n {RMEM} >{seen}"], add], "client": [add]},
            "teardown": [["ip", "link", "delete", "made0"]]}}
        file = self.experiment(yaml.safe_dump({
            "name": "remote", "plan": {"repetitions": 2, "cooldown": "0ms"}, "variants": variants,
            "hosts": {"client": {"netns": self.client},
                      "server": {"launch": [str(word) for word in self.ssh], "address": ssh_e2e.ADDRESS}},
            "workloads": {"ping": {"kind": "latency", "engine": "blocking", "duration": "100ms", "warmup": "0ms"}}}))
        done = pingperf("run", "-q", "-o", self.results, file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(list(self.trials().status), ["ok"] * 4)
        self.assertEqual(seen.read_text().split(), OTHER_RMEM.split())
        self.assertEqual(rmem(self.server), before)
        for end in (self.client, self.server):
            self.assertNotIn("made0", command("ip", "-n", end, "link").stdout)


if __name__ == "__main__":
    support.main()
