"""Opens the pages of real runs in a headless Chromium: nothing goes wrong there, the charts are
there, and they show the figures of the CSV files. Skipped where there is no Chromium (tools/test
installs it).

Usage: report_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import csv
import json
import shutil
import signal
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

import pandas

import chromium
import support
from support import eventually, pingperf

# A chart over time requires two intervals. 160 ms is the shortest trial that has them.
EXPERIMENT = """
name: pictures
description: Does plain socket code keep up, and what does a round trip cost?
plan: {repetitions: 6, cooldown: 0ms}
defaults: {duration: 50ms, warmup: 0ms}
workloads:
  bulk: {kind: throughput, duration: 160ms, matrix: {engine: [blocking, epoll], message_size: [1KiB, 16KiB, 128KiB]}}
  pingpong: {kind: latency, engine: blocking, pin: {client: 0, server: 0}, matrix: {transport: [tcp, udp]}}
compare:
  - {metric: throughput_bps, axis: engine, baseline: blocking}
gates:
  - {metric: throughput_bps, workload: bulk, at_least: 1kbit}
"""

SEARCHED = """
name: searched
defaults: {engine: blocking, duration: 100ms, warmup: 0ms}
workloads:
  ping:
    kind: latency
    transport: udp
    search: {parameter: frequency, from: 100, to: 1kHz, keep: {rtt_p50_ns: 10s}, trials: 6}
"""

FLEET = """
name: fleet
hosts:
  nodes: {launch: [env, "NODE={node}"], names: "n[1-4]"}
  addresses: "127.0.0.[1-4]"
  pattern: all_to_all
  at_once: 2
plan: {repetitions: 1, cooldown: 0ms}
workloads: {bulk: {kind: throughput, engine: blocking, rate: 50mbit, duration: 50ms, warmup: 0ms}}
"""

FAILING = """
name: failing
plan: {repetitions: 2, cooldown: 0ms}
workloads:
  good: {kind: throughput, engine: blocking, duration: 50ms, warmup: 0ms}
  bad: {kind: throughput, engine: blocking, congestion_control: nosuch, duration: 50ms, warmup: 0ms}
"""

WRITTEN = """
name: written
plan: {repetitions: 20, cooldown: 0ms}
workloads:
  bulk: {kind: throughput, duration: 1s, warmup: 0ms, matrix: {engine: [blocking, epoll]}}
compare:
  - {metric: throughput_bps, axis: engine, baseline: blocking}
"""

SHORT = EXPERIMENT.replace("1KiB, 16KiB, 128KiB", "128KiB").replace("160ms", "50ms")

# Returns the data of each chart: the points of its datasets by role, as plain numbers.
DRAWN = """Object.fromEntries([...document.querySelectorAll('canvas[data-chart]')].map(canvas => {
  const chart = Chart.getChart(canvas);
  return [canvas.dataset.chart, {
    labels: chart.data.labels, area: chart.chartArea, top: chart.scales.y.max, label: canvas.getAttribute('aria-label'),
    datasets: chart.data.datasets.map(
        set => ({role: set.role, label: set.label, data: set.data, whiskers: set.whiskers || null,
                 colour: set.borderColor})),
  }];
}))"""

# Opens the folded sections, and waits until the page has handled all events.
OPEN_ALL = """new Promise(done => {
  const closed = [...document.querySelectorAll('details')].filter(one => !one.open);
  let left = closed.length;
  for (const one of closed) {
    one.addEventListener('toggle', () => --left || done(), {once: true});
    one.open = true;
  }
  if (!left) done();
})"""

CELLS = """[...document.querySelectorAll('[data-%s]')].map(
    cell => ({...cell.dataset, text: cell.firstChild.textContent}))"""


# The pixels between neighbouring labels of the logarithmic axes.
GAPS = """[...document.querySelectorAll('canvas')].flatMap(canvas => {
  const chart = Chart.getChart(canvas), axis = chart.scales.x;
  if (axis.type !== 'logarithmic') return [];
  chart.ctx.font = '12px ' + Chart.defaults.font.family;
  const ends = axis.ticks.map(tick => ({at: axis.getPixelForValue(tick.value), half: chart.ctx.measureText(tick.label).width / 2}));
  return ends.slice(1).map((end, i) => end.at - end.half - ends[i].at - ends[i].half);
})"""


def read(file):
    """Reads a CSV file, its numbers to the last bit."""
    return pandas.read_csv(file, float_precision="round_trip")


@unittest.skipUnless(chromium.PATH, "no chromium: apt-get install chromium")
class Browser(support.EndToEnd):
    """One browser for all suites, in which each test opens pages that share nothing."""

    browser = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not Browser.browser:
            Browser.browser = chromium.Chromium()
            unittest.addModuleCleanup(Browser.browser.__exit__)

    def open(self, page, **how):
        """Opens a page, checks that it had no problem and no request, and returns the browser."""
        self.browser.new_page(**how)
        self.browser.open(page)
        self.assertEqual(self.browser.problems, [])
        self.assertEqual([r for r in self.browser.requests if r != "about:blank"], [f"file://{page}"])
        return self.browser


class Page(Browser):
    def test_shows_what_the_files_say_in_both_themes_and_on_a_phone(self):
        done = self.run_ok("-q", self.experiment(EXPERIMENT))
        run = done.directory
        self.assertIn(str(run / "report.html"), done.stdout)
        for how in ({}, {"dark": True}, {"width": 390, "height": 844}):
            with self.subTest(how):
                browser = self.open(run / "report.html", **how)
                self.check_layout(browser, how.get("width", 1200))
                self.check_charts(browser, run)
                self.check_cells(browser, run)
                self.check_filter(browser)
                self.check_choices(browser)

    def check_layout(self, browser, width):
        self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), width)
        self.assertIn("Does plain socket code", browser.evaluate("document.querySelector('h1').textContent"))
        answers = browser.evaluate("document.getElementById('answers').textContent")
        self.assertIn("All 6 gates held", answers)
        self.assertIn("Median round trip: from ", answers)
        sections = browser.evaluate("[...document.querySelectorAll('section')].map(one => one.id)")
        self.assertEqual(sections[:7], ["gates", "throughput", "latency", "round-trips", "comparisons", "sweeps",
                                        "time"])
        self.assertEqual(sections[-3:], ["figures", "environment", "experiment"])

    def check_charts(self, browser, run):
        drawn = browser.evaluate(DRAWN)
        for name in ("bars:bulk:throughput_bps", "bars:pingpong:rtt_p50_ns", "percentiles", "ecdf",
                     "forest:throughput_bps", "sweep:bulk:message_size:throughput_bps", "time:rate_bps"):
            self.assertIn(name, drawn)
            self.assertGreater(drawn[name]["area"]["width"], 100, name)
            self.assertGreater(drawn[name]["area"]["height"], 40, name)
        summary = read(run / "summary.csv").set_index(["case", "metric"])
        trials = read(run / "trials.csv")
        bulk = [c for c in dict.fromkeys(summary.index.get_level_values(0)) if c.startswith("bulk")]
        dots, medians = drawn["bars:bulk:throughput_bps"]["datasets"]
        self.assertEqual((dots["role"], medians["role"]), ("trials", "medians"))
        self.assertAlmostEqual(sum(point["x"] for point in dots["data"]) /
                               trials[trials.workload == "bulk"].throughput_bps.sum(), 1, delta=1e-5)
        self.assertEqual(len(dots["data"]), 36)
        values = [point["x"] if isinstance(point, dict) else point for point in medians["data"]]
        self.assertEqual(sorted(values), sorted(summary["median"][(case, "throughput_bps")] for case in bulk))
        self.assertEqual(sorted(medians["whiskers"]), sorted(
            [summary.ci_low[(case, "throughput_bps")], summary.ci_high[(case, "throughput_bps")]] for case in bulk))
        comparisons = read(run / "comparisons.csv")
        [ratios] = drawn["forest:throughput_bps"]["datasets"]
        self.assertEqual(len(ratios["data"]), len(comparisons))
        lines = [s for s in drawn["percentiles"]["datasets"] if s["role"] == "line"]
        self.assertEqual({line["label"] for line in lines}, {"pingpong/transport=tcp", "pingpong/transport=udp"})
        for line in lines:  # a curve never falls
            heights = [point["y"] for point in line["data"]]
            self.assertEqual(heights, sorted(heights))
        sweep = drawn["sweep:bulk:message_size:throughput_bps"]["datasets"]
        self.assertEqual([point["at"] for point in sweep[0]["data"]], [1024, 16384, 131072])
        self.assertNotEqual(sweep[0]["data"][0]["x"], sweep[1]["data"][0]["x"])  # beside each other

    def check_cells(self, browser, run):
        browser.evaluate(OPEN_ALL)
        summary = read(run / "summary.csv").set_index(["case", "metric"])
        cells = browser.evaluate(CELLS % "value")
        self.assertGreater(len(cells), 60)
        for cell in cells:
            self.assertEqual(float(cell["value"]), summary["median"][(cell["case"], cell["metric"])], cell)
        comparisons = read(run / "comparisons.csv").set_index("case")
        ratios = browser.evaluate(CELLS % "ratio")
        self.assertEqual({cell["case"] for cell in ratios}, set(comparisons.index))
        for cell in ratios:
            self.assertEqual(float(cell["ratio"]), comparisons.ratio[cell["case"]])
            self.assertAlmostEqual(float(cell["text"]), comparisons.ratio[cell["case"]], delta=0.06)
        hosts = json.loads((run / "environment.json").read_text())["hosts"]["client"]
        text = browser.evaluate("document.getElementById('environment').textContent")
        for fact in ("kernel", "cpu_model", "hostname"):
            self.assertIn(hosts[fact], text)
        self.assertEqual(browser.evaluate("document.querySelector('#experiment pre').textContent"),
                         (run / "experiment.yaml").read_text())

    def check_filter(self, browser):
        box = ("[...document.querySelectorAll('#filter label')].find(one => one.textContent === 'epoll')"
               ".querySelector('input')")
        browser.evaluate(f"{box}.click()")
        drawn = browser.evaluate(DRAWN)
        self.assertEqual(len(drawn["bars:bulk:throughput_bps"]["labels"]), 3)
        self.assertNotIn("forest:throughput_bps", drawn)
        self.assertNotIn("engine=epoll", browser.evaluate("document.getElementById('throughput').textContent"))
        browser.evaluate(f"{box}.click()")
        self.assertEqual(len(browser.evaluate(DRAWN)["bars:bulk:throughput_bps"]["labels"]), 6)

    def check_choices(self, browser):
        before = browser.evaluate("document.documentElement.dataset.theme")
        choose = ("{const all = document.querySelectorAll('#throughput select'); all[%d].value = '%s'; "
                  "all[%d].dispatchEvent(new Event('change'))}")
        browser.evaluate(choose % (0, "cpu_s_per_gb", 0))
        self.assertIn("bars:bulk:cpu_s_per_gb", browser.evaluate(DRAWN))
        browser.evaluate(choose % (1, "ecdf", 1))
        steps = browser.evaluate(DRAWN)["ecdf:bulk:cpu_s_per_gb"]["datasets"]
        self.assertEqual(len(steps), 6)
        self.assertEqual(steps[0]["data"][-1]["y"], 100)
        browser.evaluate("document.getElementById('theme').click()")
        self.assertNotEqual(browser.evaluate("document.documentElement.dataset.theme"), before)
        self.assertEqual(browser.problems, [])

    def test_of_a_search_shows_every_tried_value(self):
        run = self.run_ok("-q", self.experiment(SEARCHED)).directory
        browser = self.open(run / "report.html")
        trials, result = read(run / "trials.csv"), read(run / "searches.csv").iloc[0]
        chart = browser.evaluate(DRAWN)["search:ping:rtt_p50_ns"]
        drawn = {one["label"]: one["data"] for one in chart["datasets"]}
        self.assertEqual([(point["x"], point["y"]) for point in drawn["kept"]],
                         list(zip(trials.frequency_hz, trials.rtt_p50_ns)))
        self.assertEqual(drawn["not kept"], [])
        self.assertEqual({point["y"] for point in drawn["bound"]}, {10e9})
        text = browser.evaluate("document.getElementById('searches').textContent")
        self.assertIn(result.remark, text)
        self.assertIn("rtt_p50_ns at most 10 s", text)

    def test_of_many_hosts_is_a_cell_per_link(self):
        done = self.run_ok("-q", self.experiment(FLEET))
        medians = read(done.directory / "summary.csv").set_index(["case", "metric"])["median"]
        for width in (1200, 390):
            browser = self.open(done.directory / "report.html", width=width)
            self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), width)
            self.assertEqual(browser.evaluate("document.querySelectorAll('#links rect[fill-opacity]').length"), 6)
            links = browser.evaluate("runs[0].links[0]")
            self.assertEqual(links["hosts"], ["n1", "n2", "n3", "n4"])
            for client, server, value, _ in links["links"]:
                median = medians[f"bulk/pair=n{client + 1}-n{server + 1}", "throughput_bps"]
                self.assertAlmostEqual(value / median, 1, delta=1e-4)

    def test_of_an_interrupted_run_says_so(self):
        process = self.start("run", self.experiment(EXPERIMENT), "-o", self.results, "-q", stderr=subprocess.PIPE)
        self.assertTrue(eventually(lambda: any(
            file.read_text().count("\n") > 2 for file in self.results.glob("*/*/trials.csv")), 60))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        browser = self.open((self.results / "pictures/latest").resolve() / "report.html")
        self.assertIn("The run ended early", browser.evaluate("document.getElementById('answers').textContent"))


class Failed(Browser):
    """Pages of a run in which two of four trials failed, and of damaged copies of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        file = cls.shared / "failing.yaml"
        file.write_text(FAILING)
        done = pingperf("run", file, "-o", cls.shared / "results", "-q")
        assert done.returncode == 3, done.stdout + done.stderr
        cls.failed = support.run_directory(cls.shared / "results")

    def copy(self):
        """Returns a copy of the run, for a test that changes its files."""
        return shutil.copytree(self.failed, self.results / self.failed.name)

    def test_of_failed_trials_lists_the_errors(self):
        run = self.failed
        browser = self.open(run / "report.html")
        trials = read(run / "trials.csv")
        errors = list(trials[trials.status != "ok"].error)
        self.assertEqual(len(errors), 2)
        text = browser.evaluate("document.getElementById('failed').textContent")
        for error in errors:
            self.assertIn(error, text)
        self.assertIn("2 of 4 trials failed", browser.evaluate("document.getElementById('answers').textContent"))

    def test_what_is_no_run_or_no_place_is_one_line(self):
        run = self.failed
        for arguments in ([self.folder], [self.folder / "none"], [run / "trials.csv", run],
                          [run, "-o", "/nowhere/a.html"]):
            done = pingperf("report", *arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)
        done = pingperf("export", run.parent, "--format", "markdown")
        self.assertEqual(done.stderr, f"{run.parent}: not the directory of a run: it has no trials.csv, "
                                      f"did you mean {run.parent}/latest?\n")

    def test_a_run_without_a_trial_has_a_page(self):
        run = self.copy()
        for file in ("trials.csv", "intervals.csv"):
            (run / file).write_text((run / file).read_text().splitlines(keepends=True)[0])
        self.assertEqual(pingperf("report", run).returncode, 0)
        browser = self.open(run / "report.html")
        self.assertIn("No trial was run", browser.evaluate("document.getElementById('answers').textContent"))

    # This text must not be used as markup.
    NASTY = ("</script><script>window.broken = 1</script><!-- <img src=x onerror=window.broken=1> "
             "\" ' & \u2028 \\u003c")

    def test_no_text_of_a_run_becomes_markup(self):
        run = self.copy()
        with (run / "trials.csv").open(newline="") as file:
            trials = list(csv.reader(file))
        header = trials[0]
        for row in trials[1:]:  # as in a damaged or hostile file
            row[header.index("engine")] = self.NASTY
            row[header.index("workload")] = self.NASTY
            row[header.index("case")] = self.NASTY + row[header.index("case")]
            row[header.index("error")] = self.NASTY if row[header.index("error")] else ""
            row[header.index("quality")] = self.NASTY
        with (run / "trials.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(trials)
        with (run / "experiment.yaml").open("a") as file:
            file.write(f"# {self.NASTY}\n")
        environment = json.loads((run / "environment.json").read_text())
        environment["hosts"]["client"][self.NASTY] = self.NASTY
        (run / "environment.json").write_text(json.dumps(environment))
        done = pingperf("report", run)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"{run / 'report.html'}\n")
        browser = self.open(run / "report.html")
        browser.evaluate(OPEN_ALL)
        self.assertEqual(browser.problems, [])
        self.assertEqual(browser.evaluate("typeof window.broken"), "undefined")
        self.assertEqual(browser.evaluate("document.querySelectorAll('script, img').length"), 3)
        for section in ("throughput", "failed", "warnings", "environment", "experiment"):
            self.assertIn(self.NASTY, browser.evaluate(f"document.getElementById('{section}').textContent"), section)


class Axes(Browser):
    def test_the_labels_of_a_logarithmic_axis_do_not_touch(self):
        run = self.folder / "20260101T000000Z-1"
        run.mkdir()
        rows = ["run,experiment,workload,kind,case,block,status,engine,transport,throughput_bps"]
        rows += [f"{run.name},sizes,{workload},throughput,{workload}/message_size={size},1,ok,blocking,{workload},{bps}"
                 for workload in ("tcp", "udp")
                 for size, bps in (("64", 3.2e8), ("512", 2.7e9), ("4KiB", 1.5e10), ("256KiB", 4.7e10), ("1", 1.4e8))]
        (run / "trials.csv").write_text("\n".join(rows) + "\n")
        page = self.folder / "page.html"
        self.assertEqual(pingperf("report", run, "-o", page).returncode, 0)
        for width in range(1000, 1500, 50):
            gaps = self.open(page, width=width).evaluate(GAPS)
            self.assertTrue(gaps)
            self.assertGreater(min(gaps), 5, width)


class Explained(Browser):
    def test_counters_that_changed_stand_below_the_comparison_also_on_a_phone(self):
        run = self.folder / "written"
        run.mkdir()
        (run / "experiment.yaml").write_text(WRITTEN)
        (run / "environment.json").write_text('{"overrides": {"set": [], "only": ""}}')
        with (run / "trials.csv").open("w") as trials, (run / "counters.csv").open("w") as counters:
            trials.write("run,experiment,workload,kind,engine,case,block,status,throughput_bps\n")
            counters.write("schema_version,run,case,block,host,source,name,delta\n")
            for block in range(1, 21):
                for engine, rate in (("blocking", 1e9), ("epoll", 5e8)):
                    trials.write(f"w,w,bulk,throughput,{engine},bulk/engine={engine},{block},ok,{rate + block}\n")
                for k in range(5):
                    counters.write(f"1,w,bulk/engine=epoll,{block},both,netstat,TcpExt.<b>{k},{10 * k + 10}\n")
        self.assertEqual(pingperf("report", run).returncode, 0)
        for width in (1400, 400):
            browser = self.open(run / "report.html", width=width)
            self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), width)
            self.assertEqual(browser.evaluate("document.querySelector('#answers small').textContent"),
                             "Changed with it: TcpExt.<b>4 0 → 50, TcpExt.<b>3 0 → 40, TcpExt.<b>2 0 → 30, "
                             "and 2 other counters.")
            lines = browser.evaluate("[...document.querySelectorAll('#comparisons [data-explained]')].map("
                                     "line => line.textContent)")
            self.assertEqual(len(lines), 1)
            self.assertTrue(lines[0].startswith("bulk/engine=epoll to engine=blocking: TcpExt.<b>4 0 → 50, "), lines)


class Several(Browser):
    def test_runs_lie_over_one_another_and_are_compared(self):
        file = self.experiment(SHORT)

        def run(seed):
            return support.Run(self.folder / f"seed-{seed}", "-q", file, "--set", f"plan.seed={seed}").directory

        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(run, (1, 2))
        self.assertEqual(pingperf("report", first, second).returncode, 2)
        page = self.folder / "both.html"
        done = pingperf("report", first, second, "-o", page)
        self.assertEqual((done.returncode, done.stdout), (0, f"{page}\n"), done.stderr)
        browser = self.open(page)
        drawn = browser.evaluate(DRAWN)
        self.assertEqual([s["role"] for s in drawn["bars:bulk:throughput_bps"]["datasets"]],
                         ["trials", "medians"] * 2)
        for metric in ("throughput_bps", "rtt_p50_ns"):
            self.assertEqual(len(drawn[f"changes:B:{metric}"]["datasets"][0]["data"]), 2)
        labels = {s["label"] for s in drawn["percentiles"]["datasets"] if s["role"] == "line"}
        self.assertEqual(labels, {f"pingpong/transport={t} · {run}" for t in ("tcp", "udp") for run in "AB"})
        done = pingperf("compare", first, second, "--format", "json")
        shifts = {(row["case"], row["metric"]): row["ratio"] for row in json.loads(done.stdout)["rows"]}
        browser.evaluate(OPEN_ALL)
        ratios = browser.evaluate(
            "[...document.querySelectorAll('#changes [data-ratio]')].map(cell => ({...cell.dataset}))")
        self.assertEqual({(cell["case"], cell["metric"]): float(cell["ratio"]) for cell in ratios}, shifts)
        self.check_many_runs([first, second])

    def check_many_runs(self, runs):
        """More runs than fit side by side are a line in time, and the newest is compared with the others."""
        for number in range(5):
            runs.append(shutil.copytree(runs[0], self.folder / f"copy-{number}"))
        page = self.folder / "many.html"
        self.assertEqual(pingperf("report", *runs, "-o", page).returncode, 0)
        browser = self.open(page)
        drawn = browser.evaluate(DRAWN)
        lines = [s for s in drawn["runs:bulk:throughput_bps"]["datasets"] if s["role"] == "line"]
        self.assertEqual([[point["at"] for point in line["data"]] for line in lines], [list(range(len(runs)))] * 2)
        self.assertEqual(len({line["colour"] for line in lines}), 2)  # one per engine
        self.assertEqual([name for name in drawn if name.startswith(("bars:", "changes:"))],
                         [f"changes:the newest run:{metric}" for metric in ("throughput_bps", "rtt_p50_ns")])
        browser.evaluate("for (const one of cases) one.workload = one.name; render()")
        tops = [chart["top"] for name, chart in browser.evaluate(DRAWN).items() if name.startswith("runs:bulk")]
        self.assertEqual((len(tops), len(set(tops))), (2, 1))  # one scale side by side
        text = browser.evaluate("environmentTable([{environment: {hosts: {client: {cpus: 2}, "
                                "server: {external: 'far'}}}}]).innerHTML")
        self.assertIn("no agent on far", text)
        self.assertNotIn("differs\"", text)


class Sizes(Browser):
    def test_a_page_of_a_hundred_thousand_trials_opens(self):
        streams = range(1, 51)
        (self.folder / "experiment.yaml").write_text(
            "name: many\nplan: {repetitions: 2000}\nworkloads:\n"
            f"  bulk: {{kind: throughput, engine: blocking, matrix: {{streams: {list(streams)}}}}}\n")
        (self.folder / "environment.json").write_text('{"overrides": {"set": [], "only": ""}, "hosts": {}}')
        row = {"run": "r", "experiment": "many", "workload": "bulk", "kind": "throughput", "started_at": "",
               "status": "ok", "error": "", "quality": "", "engine": "blocking", "transport": "tcp", "reverse": "",
               "bidirectional": ""}
        rows = pandas.DataFrame([{"block": block, "streams": n} for block in range(1, 2001) for n in streams])
        rows = rows.assign(**row, repetition=rows.block, case="bulk/streams=" + rows.streams.astype(str),
                           throughput_bps=1e9 + 12345.678 * (rows.block * 7919 % 1000) + rows.streams)
        rows.to_csv(self.folder / "trials.csv", index=False)
        done = pingperf("report", self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess((self.folder / "report.html").stat().st_size, 5 << 20)
        browser = self.open(self.folder / "report.html")
        notes = browser.evaluate("document.getElementById('notes').textContent")
        self.assertIn("Dots show at most 200 trials per case", notes)
        self.assertEqual(len(browser.evaluate(DRAWN)["bars:bulk:throughput_bps"]["labels"]), 50)


if __name__ == "__main__":
    support.main()
