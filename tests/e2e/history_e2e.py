"""Checks the history of runs: add, select, trend, and an independent search for the same change points.

Usage: history_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import csv
import datetime
import json
import random
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

import chromium
import support
from support import pingperf

try:
    import numpy
except ImportError:
    numpy = None


def write_run(folder, index, values, start=datetime.datetime(2026, 1, 1, 3), kernel="Linux 6.1"):
    """Writes a run of one trial per case; `values` are by case name."""
    name = f"{start + datetime.timedelta(days=index):%Y%m%dT%H%M%SZ}-{index}"
    run = Path(folder) / name
    run.mkdir(parents=True)
    rows = ["run,experiment,workload,kind,case,block,status,engine,throughput_bps,bytes_sent,client_host"]
    rows += [f"{name},nightly,bulk,throughput,{case},1,ok,{case.split('=')[-1]},{value!r},1,here"
             for case, value in values.items()]
    (run / "trials.csv").write_text("\n".join(rows) + "\n")
    host = {"hostname": "a", "kernel": kernel}
    (run / "environment.json").write_text(json.dumps({"hosts": {"client": host, "server": host}}))
    return run


class Store(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.store = self.folder / "history.db"

    def history(self, *arguments):
        return pingperf(*arguments, "--store", self.store)

    def add(self, *arguments):
        done = self.history("history", "add", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def assert_refused(self, message, *arguments):
        done = self.history(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


class Year(Store):
    """Runs of 60 nights; engine epoll gets 10 % slower on the last 20, and the kernel changes after 15."""

    def setUp(self):
        super().setUp()
        noise = random.Random(1)
        for night in range(60):
            session = 1 + noise.gauss(0, 0.03)
            values = {f"bulk/engine={engine}": 1e9 * session * (1 + noise.gauss(0, 0.005))
                      for engine in ("epoll", "iperf3")}
            if night >= 40:
                values["bulk/engine=epoll"] *= 0.9
            run = write_run(self.folder / "runs", night, values, kernel="Linux 6.1" if night < 15 else "Linux 6.18")
            if night == 40:
                self.guilty = run
        self.assertIn("60 added", self.add(self.folder / "runs"))
        self.add(self.guilty, "--label", "commit=guilty")

    def test_trend_names_the_night(self):
        trend = json.loads(self.history("trend", "--format", "json").stdout)
        changes = {series["case"]: series["changes"] for series in trend["series"]}
        self.assertEqual(changes["bulk/engine=iperf3"], [])
        (change,) = changes["bulk/engine=epoll"]
        self.assertEqual(change["first_after"]["labels"], {"commit": "guilty"})
        self.assertTrue(change["is_worse"])
        self.assertTrue(change["ci_low"] < 0.9 < change["ci_high"])
        self.assertEqual(trend["environment"], [{"run": 15, "facts": ["kernel: Linux 6.1, now Linux 6.18"]}])
        self.assertIn("commit=guilty", self.history("trend").stdout)
        relative = json.loads(self.history("trend", "--relative-to", "engine=iperf3", "--format", "json").stdout)
        (series,) = relative["series"]
        self.assertAlmostEqual(series["changes"][0]["size"], 0.9, delta=0.003)

    def test_the_gate_looks_at_the_newest_runs(self):
        for newest, since, code in (("20", [], 1), ("19", [], 0), ("60", [], 1),
                                    ("60", ["--since", "commit=guilty"], 1), ("60", ["--since", "2026-02-11"], 0)):
            with self.subTest(newest=newest, since=since):
                done = self.history("trend", "--fail-on", "change", "--newest", newest, *since)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual("failed: bulk/engine=epoll" in done.stderr, code == 1)
                junit = self.history("trend", "--format", "junit", "--newest", newest, *since).stdout
                self.assertEqual(len(list(xml.etree.ElementTree.fromstring(junit).iter("failure"))), code)

    def test_the_levels_begin_with_that_before_the_first_kept_change(self):
        for since, first_runs in (("2026-01-20", ["2026-01-01", "2026-02-10"]), ("2026-02-15", ["2026-02-10"])):
            with self.subTest(since=since):
                rows = csv.DictReader(self.history("trend", "--format", "csv", "--since", since).stdout.splitlines())
                self.assertEqual([row["started_at"][:10] for row in rows if row["case"] == "bulk/engine=epoll"], first_runs)

    def test_a_change_beside_one_of_the_environment_is_not_blamed_on_the_code(self):
        for night in range(60, 75):
            write_run(self.folder / "more", night, {"bulk/engine=epoll": 5e8 + night, "bulk/engine=iperf3": 1e9 + night},
                      kernel="Linux 7.0")
        self.add(self.folder / "more")
        done = self.history("trend", "--fail-on", "change", "--newest", "15")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the environment changed too: kernel: Linux 6.18, now Linux 7.0", " ".join(done.stdout.split()))

    def test_compare_takes_its_base_from_the_history(self):
        runs = sorted((self.folder / "runs").iterdir())
        self.add(*runs[25:40], "--label", "branch=main")
        for night, decision, base in ((59, "same", ["--last", "10"]), (40, "slower", []),
                                      (59, "slower", ["--label", "branch=main"])):
            with self.subTest(night=night, base=base):
                done = pingperf("compare", "--history", self.store, runs[night], *base, "--relative-to",
                                "engine=iperf3", "--threshold", "2%", "--format", "json")
                self.assertEqual(done.returncode, 0, done.stderr)
                (row,) = json.loads(done.stdout)["rows"]
                self.assertEqual((row["verdict"], row["base_runs"]), (decision, 10))
        refused = pingperf("compare", "--history", self.store, runs[0])
        self.assertEqual((refused.returncode, refused.stderr),
                         (2, f"{self.store}: no earlier run of experiment nightly on a\n"))
        self.assertIn("name only NEW", pingperf("compare", "--history", self.store, runs[0], runs[1]).stderr)

    def test_compare_with_a_base_that_changed(self):
        both = ("bulk/engine=epoll", "bulk/engine=iperf3")
        for night in range(60, 66):
            write_run(self.folder / "more", night, dict.fromkeys(both if night < 63 else both[:1], 1e9 + night),
                      kernel="Linux 6.18" if night < 62 else "Linux 7.0")
        self.add(self.folder / "more")
        new = write_run(self.folder, 66, {both[0]: 1e9}, kernel="Linux 7.1")
        done = pingperf("compare", "--history", self.store, new, "--last", "6", "--format", "json", "--fail-on", "regression")
        self.assertEqual(done.returncode, 0, done.stderr)
        compared = json.loads(done.stdout)
        self.assertEqual(compared["only_base"], [])
        self.assertEqual(compared["differences"][:2], ["within the base: kernel: Linux 6.18, now Linux 7.0",
                                                       "kernel: Linux 7.0, now Linux 7.1"])
        lacking = write_run(self.folder, 67, {"bulk/engine=other": 1e9, both[1]: 1e9}, kernel="Linux 7.0")
        done = pingperf("compare", "--history", self.store, lacking, "--last", "6", "--format", "json", "--fail-on", "regression")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(json.loads(done.stdout)["only_base"], [both[0]])

    def test_runs_of_other_machines_are_apart(self):
        self.add(write_run(self.folder / "other", 90, {"bulk/engine=epoll": 1e3}), "--machine", "laptop")
        done = self.history("trend", "--machine", "a")
        self.assertIn("60 runs", done.stdout)
        done = self.history("trend")
        self.assertIn("only the runs of laptop", done.stderr)
        self.assertIn("1 run: a change point requires 10", done.stdout)

    def test_bad_input_is_one_line(self):
        for message, arguments in (
                ("none of the 60 runs has the label commit=none", ("trend", "--since", "commit=none")),
                ("--fail-on: bytes_sent has no better direction", ("trend", "--metric", "bytes_sent", "--fail-on", "change")),
                ("--newest: does nothing", ("trend", "--newest", "3")),
                ("no case of these 60 runs has rtt_p99_ns", ("trend", "--metric", "rtt_p99_ns")),
                ("no case 'x*' of these 60 runs", ("trend", "--case", "x*")),
                ("unknown metric 'thruput_bps'", ("trend", "--metric", "thruput_bps")),
                ("relative to 'engine=spin': no case", ("trend", "--relative-to", "engine=spin")),
                ("--threshold: '-1%' is no percentage", ("trend", "--threshold", "-1%")),
                ("no run matches; it has runs of nightly on a", ("history", "list", "--machine", "elsewhere")),
                ("no run matches; it has runs of nightly on a", ("trend", "--experiment", "other")),
                ("no run matches --label commit=x; it has runs of nightly on a", ("history", "list", "--label", "commit=x")),
                ("no run 'x'", ("history", "show", "x")),
                ("'commit' is not KEY=VALUE", ("history", "add", self.guilty, "--label", "commit")),
                ("holds no run", ("history", "add", Path(__file__).parent))):
            with self.subTest(arguments=arguments):
                self.assert_refused(message, *arguments)
        self.assertEqual(self.history("trend", "--min-runs", "51").returncode, 2)

    def test_prune_keeps_the_newest(self):
        self.assertIn("50 removed", self.history("history", "prune", "--keep", "10").stdout)
        runs = json.loads(self.history("history", "list", "--format", "json").stdout)
        self.assertEqual([run["started_at"][:10] for run in runs][::9], ["2026-02-20", "2026-03-01"])


class OneDay(Store):
    """Runs of one day, an hour apart; engine epoll gets slower after the tenth."""

    def setUp(self):
        super().setUp()
        for hour in range(20):
            write_run(self.folder / "runs", 0, {"bulk/engine=epoll": (1e9 if hour < 10 else 8e8) + hour},
                      datetime.datetime(2026, 1, 1, hour))
        self.add(self.folder / "runs")

    def test_the_runs_have_their_time(self):
        text = self.history("trend").stdout
        self.assertIn("20 runs from 2026-01-01 00:00 to 2026-01-01 19:00 on a", text)
        self.assertRegex(text, r"last before 2026-01-01 09:00 .*, first after\s2026-01-01 10:00 ")

    @unittest.skipUnless(chromium.PATH, "chromium is not installed")
    def test_the_page_has_their_time(self):
        page = self.folder / "trend.html"
        page.write_text(self.history("trend", "--format", "html").stdout)
        with chromium.Chromium() as browser:
            browser.new_page()
            browser.open(page)
            self.assertIn("20 runs from 2026-01-01 00:00 to 2026-01-01 19:00", browser.evaluate("document.body.innerText"))


class Prometheus(Store):
    def setUp(self):
        super().setUp()
        for night in range(2):
            self.add(write_run(self.folder / "runs", night, {"bulk/engine=epoll": 8e9 + 8 * night}), "--machine", "rack \"1\"")
        self.text = self.history("history", "export", "--format", "openmetrics").stdout

    def test_the_export_has_the_newest_run(self):
        self.assertIn('pingperf_throughput_bytes_per_second{machine="rack \\"1\\"",experiment="nightly",workload="bulk",'
                      'case="bulk/engine=epoll",engine="epoll",transport="",stat="median"} 1000000001\n', self.text)
        self.assertTrue(self.text.endswith("# EOF\n"))

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_accepts_it(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.text.replace("# EOF\n", ""), text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_dashboard_shows_metrics_that_exist(self):
        dashboard = json.loads((support.SOURCE / "docs/grafana-dashboard.json").read_text())
        self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), 4)
        known = {f"pingperf_{name}" for name in ("throughput_bytes_per_second", "rtt_p50_seconds", "rtt_p99_seconds", "trials")}
        used = {name for panel in dashboard["panels"] for target in panel["targets"]
                for name in re.findall(r"pingperf_\w+", target["expr"])}
        self.assertEqual(used, known)
        labels = set(re.findall(r'(\w+)="', self.text))
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                self.assertLessEqual(set(re.findall(r"(\w+)[!=]~?\"", target["expr"])), labels)


@unittest.skipUnless(chromium.PATH, "chromium is not installed")
class Page(Store):
    def test_shows_the_change_with_its_label_in_both_themes_and_on_a_phone(self):
        label = "<script>alert(1)</script>&amp;"
        for night in range(30):
            values = {"bulk/engine=<b>": (1 if night < 20 else 0.9) * 1e9 + 1e6 * (night % 5), "bulk/engine=two": 1e9 + night % 3}
            self.add(write_run(self.folder / "runs", night, values, kernel="Linux 6.1" if night < 5 else "Linux <6.2>"),
                     *(["--label", f"commit={label}"] if night == 20 else []))
        page = self.folder / "trend.html"
        page.write_text(self.history("trend", "--format", "html").stdout)
        with chromium.Chromium() as browser:
            for how in {"width": 1200}, {"width": 1200, "dark": True}, {"width": 400}:
                with self.subTest(**how):
                    browser.new_page(**how)
                    browser.open(page)
                    self.assertEqual((browser.problems, browser.requests), ([], [f"file://{page}"]))
                    self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), how["width"])
            text = browser.evaluate("document.body.innerText")
            self.assertIn(f"first after 2026-01-21 commit={label}", text)
            self.assertIn("kernel: Linux 6.1, now Linux <6.2>", text)
            self.assertEqual(browser.evaluate("document.querySelectorAll('.run').length"), 60)
            self.assertEqual(browser.evaluate("document.querySelectorAll('.change.bad').length"), 1)
            browser.evaluate("document.getElementById('changed').click()")
            self.assertEqual(browser.evaluate("[...document.querySelectorAll('h3')].map(h => h.innerText.split(' ')[0]).join()"),
                             "bulk/engine=<b>")


@unittest.skipUnless(numpy, "python3-numpy is not installed")
class Oracle(Store):
    """E-divisive from its paper, by pairwise distances, beside pingperf's sums."""

    LEVEL, PERMUTATIONS = 0.02, 999

    def statistic(self, values, place):
        """The energy statistic with the exponent 2 (Matteson & James 2014, equations 5 to 7)."""
        distances = (values[:, None] - values[None, :]) ** 2
        x, y = slice(0, place), slice(place, len(values))
        n, m = place, len(values) - place
        within = sum(distances[side, side].sum() / 2 / (k * (k - 1) / 2) if k > 1 else 0
                     for side, k in ((x, n), (y, m)))
        return n * m / (n + m) * (2 * distances[x, y].mean() - within)

    def search(self, values, offset=0):
        """The places of all changes, by a t statistic for the test of each and no refinement."""
        n = len(values)
        if n < 10:
            return []
        places = numpy.arange(5, n - 4)

        def largest(series):
            sums = numpy.cumsum(series - series.mean())[places - 1]
            scores = sums ** 2 * n / (places * (n - places))
            return scores.max(), places[scores.argmax()]
        observed, place = largest(values)
        # The literal statistic agrees about the place, up to the variance within, which it subtracts.
        literal = max(places, key=lambda k: self.statistic(values, k))
        self.assertLessEqual(abs(int(literal) - int(place)), 3)
        random_order = numpy.random.default_rng(7)
        as_large = sum(largest(random_order.permutation(values))[0] >= observed for _ in range(self.PERMUTATIONS))
        if (as_large + 1) / (self.PERMUTATIONS + 1) > self.LEVEL:
            return []
        return self.search(values[:place], offset) + [offset + int(place)] + self.search(values[place:], offset + place)

    def test_the_same_change_points(self):
        levels = {"none": [1] * 60, "step": [1] * 35 + [1.1] * 25, "back": [1] * 20 + [0.85] * 20 + [1] * 20,
                  "stairs": [1] * 20 + [1.15] * 20 + [1.3] * 20, "large": [1] * 45 + [3] * 15}
        noise = numpy.random.default_rng(2)
        series = {name: numpy.array(level) * numpy.exp(noise.normal(0, 0.02, 60)) for name, level in levels.items()}
        for night in range(60):
            write_run(self.folder / "runs", night, {f"bulk/engine={name}": float(values[night])
                                                    for name, values in series.items()})
        self.add(self.folder / "runs")
        trend = json.loads(self.history("trend", "--format", "json", "--last", "60").stdout)
        found = {s["case"].split("=")[1]: [change["first"] for change in s["changes"]] for s in trend["series"]}
        expected = {name: self.search(numpy.log(values)) for name, values in series.items()}
        self.assertEqual(found, expected)
        self.assertEqual([len(found[name]) for name in levels], [0, 1, 2, 2, 1])


if __name__ == "__main__":
    support.main()
