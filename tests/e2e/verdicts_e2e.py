"""Checks gates, stopping rules, the comparison of runs and the exports, as their readers see them.

Usage: verdicts_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import io
import json
import os
import shutil
import subprocess
import xml.etree.ElementTree

import pandas

import support
from support import pingperf

GATED = """
name: gated
plan: {repetitions: 6, cooldown: 0ms}
defaults: {transport: tcp, duration: 10ms, warmup: 0ms, pin: {client: 0, server: 0}}
workloads:
  bulk: {kind: throughput, matrix: {engine: [blocking, epoll]}}
  pingpong: {kind: latency, engine: blocking}
compare:
  - {metric: throughput_bps, axis: engine, baseline: blocking}
gates:
  - {metric: throughput_bps, workload: bulk, at_least: 1kbit}
  - {metric: rtt_p50_ns, workload: pingpong, at_most: 10s}
"""
BREACH = ["--set", "gates.0.at_least=900Tbit"]


UNTIL = "plan.until={metric: throughput_bps, relative_ci: 0.001%, at_most: 8}"


class Verdicts(support.EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.held = cls.shared_run(GATED, "--set", "plan.repetitions=12", name="held")
        cls.unsettled = cls.shared_run(GATED, "--set", UNTIL, name="unsettled")

    def run_gated(self, *arguments):
        return pingperf("run", "-o", self.results, self.experiment(GATED), *arguments)

    def copy_of(self, run):
        """Returns a copy of a shared run, for a test that changes its files."""
        return shutil.copytree(run.directory, self.results / "gated" / run.directory.name)

    def test_gates_that_hold_exit_0_and_stand_in_the_table_and_junit(self):
        self.assertIn("at least 1 kbit/s", self.held.stdout)
        latest = self.held.directory.parent / "latest"
        suites = xml.etree.ElementTree.parse(latest / "junit.xml").getroot()
        self.assertEqual([(s.get("name"), s.get("tests"), s.get("failures")) for s in suites],
                         [("trials", "3", "0"), ("gates", "3", "0")])

    def test_a_breach_exits_1_with_a_line_that_names_case_figure_interval_and_bound(self):
        done = self.run_gated(*BREACH)
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("gate failed")]
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"bulk/engine=blocking throughput_bps: .* \[.*\], at least 900 Tbit/s")
        self.assertIn("<failure", (self.run_directory() / "junit.xml").read_text())

    def test_until_adds_blocks_up_to_at_most_and_reports_what_did_not_settle(self):
        trials = self.unsettled.table()
        self.assertEqual(sorted(trials.groupby("case").size()), [8, 8, 8])
        self.assertEqual(len(trials.drop_duplicates(["case", "repetition"])), len(trials))
        self.assertIn("after 6 blocks undecided, running more blocks", self.unsettled.stderr)
        self.assertIn("after 8 blocks undecided, and the maximum is reached", self.unsettled.stderr)

    def test_a_run_that_is_settled_stops_at_its_repetitions(self):
        done = self.run_gated("--set", "plan.repetitions=8", "--set",
                              "plan.until={metric: rtt_p50_ns, relative_ci: 99%, at_most: 16}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.trials()), 24)
        self.assertNotIn("undecided", done.stderr)

    def test_resume_goes_on_where_until_was_interrupted(self):
        run = self.copy_of(self.unsettled)
        rows = (run / "trials.csv").read_text().splitlines(keepends=True)
        (run / "trials.csv").write_text("".join(rows[:-4]))
        done = pingperf("run", "--resume", run)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(self.trials().groupby("case").size()), [8, 8, 8])

    def test_compare_finds_a_run_the_same_as_itself_and_half_as_fast_slower(self):
        run = self.copy_of(self.held)
        done = pingperf("compare", run, run, "--fail-on", "regression")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        slow = self.folder / "slow"
        slow.mkdir()
        trials = pandas.read_csv(run / "trials.csv", dtype=str, keep_default_na=False)
        is_epoll = trials.engine == "epoll"
        # The numbers are steady because the verdict is tested, not the machine.
        for number, i in enumerate(trials.index):
            if trials.kind[i] == "throughput":
                trials.loc[i, "throughput_bps"] = str(1e9 * (1 + 0.001 * (number % 7)))
                trials.loc[i, "steal_ratio"] = "0"
        trials.to_csv(run / "trials.csv", index=False)
        halved = trials[is_epoll].throughput_bps.astype(float) / 2
        trials.loc[is_epoll, "throughput_bps"] = halved.astype(str)
        trials.to_csv(slow / "trials.csv", index=False)
        plain = pingperf("compare", run, slow, "--fail-on", "regression")
        self.assertEqual(plain.returncode, 0, plain.stdout + plain.stderr)
        self.assertIn("no verdict in 3 of 3 rows: ", plain.stderr)
        sessions = ["--session-sd", "1%"]  # gives one run on each side a verdict
        for relative in (sessions, ["--relative-to", "engine=blocking"]):
            done = pingperf("compare", run, slow, "--metric", "throughput_bps", "--fail-on",
                            "regression", *relative)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("bulk/engine=epoll throughput_bps: 0.5", done.stderr)
        rows = json.loads(pingperf("compare", run, slow, *sessions, "--format", "json").stdout)["rows"]
        verdicts = {(r["case"], r["metric"]): r["verdict"] for r in rows}
        self.assertEqual(verdicts["bulk/engine=epoll", "throughput_bps"], "slower")
        self.assertEqual(verdicts["bulk/engine=blocking", "throughput_bps"], "same")
        table = pandas.read_csv(io.StringIO(pingperf("compare", run, slow, *sessions, "--format", "csv").stdout))
        self.assertIn("slower", set(table.verdict))
        junit = xml.etree.ElementTree.fromstring(pingperf("compare", run, slow, *sessions, "--format", "junit").stdout)
        self.assertEqual(len(junit.findall(".//failure")), 1)

    def test_compare_of_nothing_in_common_is_wrong_usage(self):
        run = self.held.directory
        self.assertEqual(pingperf("compare", run, "/nowhere").returncode, 2)
        self.assertEqual(pingperf("compare", run, run, "--metric", "jitter_ns").returncode, 2)
        self.assertEqual(pingperf("compare", run).returncode, 2)

    def test_trials_of_another_tool_are_compared_reported_and_exported(self):
        run = self.folder / "mine"
        run.mkdir()
        rows = "".join(f"mine,mine,bulk,bulk,{block},ok,{9e9 + block}\n" for block in range(1, 8))
        (run / "trials.csv").write_text("run,experiment,workload,case,block,status,throughput_bps\n" + rows)
        commands = [["compare", run, run], ["report", run]]
        commands += [["export", run, "--format", f] for f in ("markdown", "benchmark-json", "openmetrics")]
        for command in commands:
            with self.subTest(command[0]):
                done = pingperf(*command)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue('"kind":"throughput"' in (run / "report.html").read_text())

    def test_exports_are_read_by_their_consumers(self):
        run = self.held.directory
        benchmark = self.folder / "benchmark.json"
        benchmark.write_text(pingperf("export", run, "--format", "benchmark-json").stdout)
        names = {b["run_name"] for b in json.loads(benchmark.read_text())["benchmarks"]}
        self.assertEqual(names, {"bulk/engine=blocking", "bulk/engine=epoll", "pingpong"})
        self.assertIn("| pingpong |", pingperf("export", run, "--format", "markdown").stdout)
        metrics = pingperf("export", run, "--format", "openmetrics").stdout
        self.assertTrue(metrics.endswith("# EOF\n"))
        with self.subTest("promtool (package prometheus)"):
            if not shutil.which("promtool"):
                self.skipTest("promtool is not installed")
            checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, text=True,
                                     capture_output=True, timeout=30)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        with self.subTest("compare.py (packages libbenchmark-tools, python3-scipy)"):
            compare = "/usr/share/benchmark/compare.py"
            scipy = subprocess.run(["/usr/bin/python3", "-c", "import scipy"], capture_output=True)
            if scipy.returncode != 0 or not os.path.exists(compare):
                self.skipTest("compare.py or scipy is not installed")
            compared = subprocess.run(["/usr/bin/python3", compare, "benchmarks", benchmark, benchmark],
                                      text=True, capture_output=True, timeout=60)
            self.assertEqual(compared.returncode, 0, compared.stderr)
            self.assertIn("pingpong_median", compared.stdout)


if __name__ == "__main__":
    support.main()
