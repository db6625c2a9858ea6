"""What people and scripts see: the doctor, tables on a terminal, JSON.

Usage: people_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import json
import os
import pty
import re
import subprocess
import sys
import unittest
from pathlib import Path

import pingperf_e2e as base
from pingperf_e2e import pingperf

PINGS = """
name: pings
plan: {repetitions: 2, cooldown: 0ms}
defaults: {duration: 20ms, warmup: 0ms, pin: {client: 0, server: 0}}
workloads:
  pingpong_of_a_name_that_is_long: {kind: latency, engine: blocking, matrix: {transport: [tcp, udp]}}
  bulk_of_a_name_that_is_long: {kind: throughput, matrix: {engine: [blocking, epoll]}}
compare:
  - {metric: throughput_bps, axis: engine, baseline: blocking}
gates:
  - {metric: throughput_bps, workload: bulk_of_a_name_that_is_long, axis: engine, baseline: blocking, at_least: 0.1}
"""


def on_terminal(*arguments, **environment):
    """What pingperf prints to a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen([base.PINGPERF, *map(str, arguments)], stdout=theirs, stdin=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", **environment})
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    child.wait(timeout=60)
    return shown.decode().replace("\r\n", "\n")


class Doctor(base.EndToEnd):
    def findings(self, *arguments):
        done = pingperf("doctor", "--format", "json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_it_tells_of_this_host_with_why_and_remedy(self):
        report = self.findings()
        host = report["hosts"][0]
        self.assertEqual(host["host"], "this host")
        self.assertEqual(host["facts"]["cpus"], os.cpu_count())
        for finding in host["findings"]:
            self.assertIn(finding["severity"], ("serious", "note"))
            self.assertTrue(finding["what"] and finding["why"] and finding["remedy"])
        text = pingperf("doctor").stdout
        self.assertIn("this host: ", text)
        self.assertEqual(text.count("  why "), text.count("  fix "))

    def test_an_experiment_is_judged_by_what_it_needs(self):
        file = self.experiment(PINGS)
        found = self.findings(file)["hosts"]
        self.assertEqual([host["host"] for host in found], ["both hosts"])
        self.assertNotIn("qdiscs", [finding["subject"] for finding in found[0]["findings"]])
        wrong = pingperf("doctor", self.folder / "none.yaml")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("none.yaml", wrong.stderr)

    def test_a_run_says_what_would_spoil_it_and_keeps_it(self):
        file = self.experiment(PINGS)
        far = ["--only", "bulk*", "--set", "defaults.pin={client: 4000, server: 4000}",
               "--set", "plan.repetitions=1"]
        done = pingperf("run", "-o", self.results, file, *far)
        said = [line for line in done.stderr.splitlines() if "CPU 4000 is not among" in line]
        self.assertEqual(len(said), 1, done.stderr)
        self.assertTrue(said[0].startswith("doctor: both hosts: "))
        environment = json.loads((self.run_directory() / "environment.json").read_text())
        findings = environment["doctor"][0]["findings"]
        self.assertIn("serious", [finding["severity"] for finding in findings])
        self.assertIn("load_ratio", environment["doctor"][0]["now"])
        self.assertNotIn("doctor:", pingperf("run", "-q", "-o", self.results, file, *far).stderr)

    def test_clean_removes_a_lab_whose_run_is_gone(self):
        # With a /run of its own: other runs on this machine remove stale labs too.
        name = "pingperf-4194305-1-client"  # beyond the largest process number
        doctor = f"{base.PINGPERF} doctor --format json"
        done = subprocess.run(["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-ec",
                               f"mount -t tmpfs tmpfs /run; ip netns add {name}; {doctor} >before; "
                               f"{doctor} --clean >clean; {doctor} >after"],
                              cwd=self.folder, capture_output=True, text=True, timeout=60)
        if "unshare:" in done.stderr or "mount:" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        before, clean, after = (json.loads((self.folder / file).read_text())
                                for file in ("before", "clean", "after"))
        self.assertEqual(before["hosts"][0]["now"]["stale_labs"], [name])
        self.assertIn("sudo pingperf doctor --clean",
                      [finding["remedy"] for finding in before["hosts"][0]["findings"]])
        self.assertEqual(clean["removed"], [name])
        self.assertNotIn("stale_labs", after["hosts"][0]["now"])


class Terminal(base.EndToEnd):
    def setUp(self):
        super().setUp()
        self.in_file = self.run_ok("-q", self.experiment(PINGS)).stdout

    def shown(self, **environment):
        return on_terminal("run", "-q", "--resume", self.run_directory(), **environment)

    def test_tables_fit_the_terminal_and_nothing_is_lost(self):
        for columns in (80, 60, 40):
            with self.subTest(columns=columns):
                text = re.sub(r"\x1b\[[0-9;]*m", "", self.shown(COLUMNS=str(columns)))
                tables = re.split("Report for a browser|Files in", text)[0]
                for line in tables.splitlines():
                    if " " in line.strip():  # a single word can be no shorter
                        self.assertLessEqual(len(line), columns, line)
                self.assertIn("transport=udp", tables)
                self.assertIn("p99", tables)
                self.assertRegex(tables, r"[0-9] [GM]bit/s")

    def test_latency_has_a_bar_where_there_is_room(self):
        wide = self.shown(COLUMNS="120")
        self.assertIn("█p50 ━p99 ─max", wide)
        self.assertRegex(wide, "█━*─*")
        self.assertNotIn("█", self.in_file)

    def test_colours_are_for_terminals_that_want_them(self):
        self.assertIn("\x1b[", self.shown())
        self.assertNotIn("\x1b[", self.shown(NO_COLOR="1"))
        self.assertNotIn("\x1b[", self.shown(TERM="dumb"))
        self.assertIn("\x1b[1m", on_terminal("doctor"))


class Json(base.EndToEnd):
    def read(self, *arguments, code=0):
        done = pingperf(*arguments, "--format", "json")
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout)

    def test_run_is_one_document(self):
        file = self.experiment(PINGS)
        runs = self.read("run", "-q", "-o", self.results, file)["runs"]
        self.assertEqual(len(runs), 1)
        run = runs[0]
        self.assertEqual(Path(run["directory"]).resolve(), self.run_directory().resolve())
        self.assertEqual((run["experiment"], run["failed_trials"], run["failed_gates"]), ("pings", 0, 0))
        row = next(r for r in run["summary"] if r["metric"] == "rtt_p50_ns")
        self.assertEqual(row["n"], 2)
        self.assertIsNone(row["ci_low"])  # too few: not 0
        self.assertEqual(run["comparisons"][0]["verdict"], "inconclusive")
        self.assertEqual({gate["metric"] for gate in run["gates"]}, {"throughput_bps"})

    def test_check_and_plan(self):
        file, wrong = self.experiment(PINGS), self.experiment("name: x\n", "wrong.yaml")
        good, bad = self.read("check", file, wrong, code=2)
        self.assertEqual((good["ok"], good["cases"], good["trials"]), (True, 4, 8))
        self.assertFalse(bad["ok"])
        self.assertIn("no workloads", bad["error"])
        plan = self.read("plan", file)
        self.assertEqual([trial["position"] for trial in plan["trials"]], list(range(1, 9)))
        self.assertEqual({trial["block"] for trial in plan["trials"]}, {1, 2})

    def test_engines(self):
        engines = self.read("engines")
        iperf3 = [e for e in engines if e["name"] == "iperf3"]
        self.assertEqual({e["transport"] for e in iperf3}, {"tcp", "udp"})
        self.assertIn("message_size", iperf3[0]["parameters"])

    def test_ping(self):
        socket = self.folder / "pong"
        pong = subprocess.Popen([base.PINGPERF, "pong", "--transport", "unix", "--bind", socket],
                                stdout=subprocess.DEVNULL)
        self.addCleanup(pong.communicate)
        self.addCleanup(pong.kill)
        self.assertTrue(base.eventually(socket.exists))
        to = ["ping", socket, "--transport", "unix", "--count", "20", "--frequency", "0"]
        summary = self.read(*to)
        self.assertEqual((summary["sent"], summary["received"], summary["lost"]), (20, 20, 0))
        rtt = summary["rtt_ns"]
        self.assertTrue(0 < rtt["min"] <= rtt["p50"] <= rtt["p90"] <= rtt["max"])
        self.assertIsNone(rtt["p99"])  # of twenty
        quiet = pingperf("ping", socket, "--transport", "unix", "--count", "2", "--quiet")
        self.assertEqual(len(quiet.stdout.splitlines()), 3, quiet.stdout)

    def test_an_unknown_format_or_transport_is_wrong_usage(self):
        for words in (("engines", "--format", "xml"), ("ping", "::1", "--transport", "quic")):
            done = pingperf(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words[-1], done.stderr)


if __name__ == "__main__":
    base.PINGPERF = str(Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=2)
