"""Runs the committed experiments and every engine, and reads their files with pandas and csv.

Usage: experiments_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

import yaml

import support
from support import SOURCE, pingperf

QUICKSTART = SOURCE / "configs/quickstart.yaml"
REPETITIONS = 2
CASES = 7
QUICK = ["--set", f"plan.repetitions={REPETITIONS}", "--set", "plan.cooldown=0ms",
         "--set", "defaults.duration=200ms", "--set", "defaults.warmup=50ms"]


class Quickstart(support.EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.quickstart = cls.shared_run(QUICKSTART, *QUICK)

    def test_every_row_is_ok_and_plausible(self):
        trials = self.quickstart.table()
        self.assertEqual(set(trials.status), {"ok"})
        self.assertEqual(len(trials), REPETITIONS * CASES)
        bulk = trials[trials.kind == "throughput"]
        self.assertEqual(set(bulk.engine), {"iperf3", "blocking"})
        self.assertTrue((bulk.throughput_bps > 1e6).all())
        self.assertTrue((bulk.throughput_bps < 1e13).all())
        pings = trials[trials.kind != "throughput"]
        self.assertTrue((pings.rtt_p50_ns <= pings.rtt_p99_ns).all())
        self.assertTrue((pings.rtt_p99_ns <= pings.rtt_max_ns).all())
        self.assertTrue((pings.exchanges > 0).all())
        self.assertTrue(pings.throughput_bps.isna().all())  # not measured: empty, not 0
        self.assertIn("blocking", self.quickstart.stdout)
        self.assertIn("trials.csv", self.quickstart.stdout)

    def test_every_file_of_the_run_is_there_and_reads(self):
        run = self.quickstart.directory
        self.assertEqual((run / "experiment.yaml").read_bytes(), QUICKSTART.read_bytes())
        environment = json.loads((run / "environment.json").read_text())
        self.assertIn("libiperf", json.dumps(environment))
        intervals = self.quickstart.table("intervals.csv")
        self.assertTrue((intervals.end_s > intervals.start_s).all())
        self.assertIn("throughput_bps", set(self.quickstart.table("summary.csv").metric))
        comparisons = self.quickstart.table("comparisons.csv")
        self.assertTrue((comparisons.ratio > 0).all())
        self.assertEqual(set(comparisons.n), {REPETITIONS})

    def test_another_seed_gives_the_same_cases_in_another_order(self):
        repetitions = yaml.safe_load(QUICKSTART.read_text())["plan"]["repetitions"]
        plans = [pingperf("plan", QUICKSTART, "--set", f"plan.seed={seed}").stdout.splitlines()[1:-1]
                 for seed in (1, 1, 2)]
        cases = [[line.split()[-1] for line in plan] for plan in plans]
        self.assertEqual(len(cases[0]), repetitions * CASES)
        self.assertEqual(cases[0], cases[1])
        self.assertNotEqual(cases[0], cases[2])
        self.assertEqual(sorted(cases[0]), sorted(cases[2]))

    def test_the_comparison_is_the_ratio_of_the_rows(self):
        trials = self.quickstart.table()
        comparisons = self.quickstart.table("comparisons.csv")
        [comparison] = [row for row in comparisons.itertuples() if row.case.startswith("bulk")]
        rates = [trials[trials.case == case].set_index("block").throughput_bps
                 for case in (comparison.case, comparison.baseline)]
        ratios = rates[0] / rates[1]
        self.assertTrue(ratios.min() <= comparison.ratio <= ratios.max())

    def test_columns_are_those_of_the_dictionary_and_types_are_inferred(self):
        raw = (self.quickstart.directory / "trials.csv").read_text(encoding="utf-8")
        header = next(csv.reader(raw.splitlines()))
        dictionary = (SOURCE / "results/README.md").read_text()
        for column in header:
            self.assertIn(f"`{column}`", dictionary)
        trials = self.quickstart.table()
        self.assertEqual(trials.duration_s.dtype.kind, "f")
        self.assertEqual(trials.block.dtype.kind, "i")
        self.assertRegex(trials.started_at[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Configs(support.EndToEnd):
    AT_ONCE = 4  # disturbs the figures, but no test here judges them

    def shortened(self, config):
        """Returns the arguments that run every case of an experiment once, for a moment."""
        text = config.read_text()
        once = ["--set", "plan.repetitions=1", "--set", "plan.cooldown=0ms"]
        if "until:" in text:
            once += ["--set", "plan.until.at_most=1"]
        if "external:" not in text:
            return once + ["--set", "defaults.duration=100ms", "--set", "defaults.warmup=10ms"]
        # A stock iperf3 server counts whole seconds.
        return once + ["--set", f"hosts.server.port={self.stock_iperf3_server()}",
                       "--set", "defaults.duration=1s", "--set", "defaults.warmup=0s"]

    def test_every_committed_experiment_can_find_a_change(self):
        for config in sorted((SOURCE / "configs").glob("*.yaml")):
            with self.subTest(config.name):
                done = pingperf("check", config)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_every_row_about_other_tools_has_an_answer_and_its_workloads_are_valid(self):
        rows = [line for line in (SOURCE / "docs/coming-from.md").read_text().splitlines()
                if line.startswith("|")]
        for row in rows:
            self.assertRegex(row, r"^\| [^|]+ \| [^|]+ \|$|^\|---\|---\|$")
        workloads = [w for row in rows for w in re.findall(r"`(\{kind: .*?\})`", row)]
        self.assertGreater(len(workloads), 30)
        for workload in workloads:
            with self.subTest(workload):
                done = pingperf("check", self.experiment(f"name: w\nworkloads:\n  w: {workload}\n"))
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_committed_experiment_runs(self):
        if os.cpu_count() < 2:
            self.skipTest("some experiments pin their ends to two CPUs")
        every = sorted((SOURCE / "configs").glob("*.yaml"))
        elsewhere = [c for c in every if re.search(r"ssh:|^(lab|use|programs|variants):", c.read_text(), re.MULTILINE)]
        for config in elsewhere:
            with self.subTest(config.name):
                self.skipTest("a script for labs, ssh, programs, variants or the recipe for CI runs it")
        here = [(c, self.shortened(c)) for c in every if c not in elsewhere]
        # Experiments with gates run alone, because a gate judges figures.
        judged = [pair for pair in here if "\ngates:" in pair[0].read_text()]

        def run(pair):
            return pair[0].name, pingperf("run", "-o", self.folder / pair[0].stem, pair[0], *pair[1])

        done = [run(pair) for pair in judged]
        with ThreadPoolExecutor(self.AT_ONCE) as pool:
            done += pool.map(run, [pair for pair in here if pair not in judged])
        for name, process in done:
            with self.subTest(name):
                self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        self.assertEqual(len(done) + len(elsewhere), len(every))


class Plots(support.EndToEnd):
    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "matplotlib is not installed (python3-matplotlib)")
    def test_the_python_code_of_the_page_draws_a_run(self):
        pingperf("run", "-q", "-o", self.results, SOURCE / "configs/message-size-sweep.yaml", *QUICK)
        code = "\n".join(re.findall(r"```python\n(.*?)```", (SOURCE / "docs/plots.md").read_text(), re.S))
        done = subprocess.run([sys.executable, "-c", code], cwd=self.folder, text=True, capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        for plot in ("sweep", "ratios", "percentiles", "time"):
            self.assertGreater((self.folder / f"{plot}.png").stat().st_size, 5000, plot)


class Engines(support.EndToEnd):
    def test_every_engine_over_every_transport(self):
        done = pingperf("run", "-q", "-o", self.results, SOURCE / "tests/e2e/every_engine.yaml")
        trials = self.trials()
        known = json.loads(pingperf("engines", "--format", "json").stdout)
        identity = ["kind", "name", "transport"]
        # With an old libiperf, check refuses a file with it: LaterIperf3 of tests/engines runs it.
        # Engine xdp requires an interface for each end: frames_e2e.py runs it.
        refused = {("throughput", "iperf3", "mptcp"), ("latency", "xdp", "ethernet"),
                   ("throughput", "xdp", "ethernet")}
        self.assertEqual({tuple(engine[key] for key in identity) for engine in known} - refused,
                         set(zip(trials.kind, trials.engine, trials.transport)))
        for trial in trials[trials.status != "ok"].itertuples():
            with self.subTest(trial.case):
                self.assertIn("is unavailable here", trial.error)
        self.assertEqual(done.returncode, 0 if all(trials.status == "ok") else 3, done.stderr)


if __name__ == "__main__":
    support.main()
