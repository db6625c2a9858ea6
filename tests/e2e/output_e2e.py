"""Checks the output of pingperf: to a pipe, to a terminal and as JSON.

Usage: output_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import fcntl
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import support
from support import NULL_TRIALS, eventually, on_terminal, pingperf

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


class Output(support.EndToEnd):
    def test_piped_output_has_a_line_a_trial_and_no_escapes(self):
        done = self.run_ok(self.experiment(NULL_TRIALS), "--set", "plan.repetitions=4",
                           "--set", "workloads.nothing.duration=1ms")
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        self.assertEqual(sum(line.startswith("[") for line in done.stderr.splitlines()), 4)
        self.assertIn(": 1 case, 4 trials, about", done.stderr)
        listed = re.findall(r"^  (\S+)", done.stdout.split("Files in")[1], re.M)
        self.assertEqual(listed[:2], ["trials.csv", "summary.csv"])
        for empty in ("comparisons.csv", "searches.csv", "histograms", "samples"):
            self.assertNotIn(empty, listed)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([support.PINGPERF, "engines"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("cannot write to stdout", done.stderr)

    def test_messages_that_nobody_can_read_do_not_end_a_run(self):
        file = self.experiment(NULL_TRIALS)
        for number, stderr in enumerate(("2>/dev/full", "2>&-", "<&- 2>&-")):
            with self.subTest(stderr=stderr):
                results = self.results / str(number)
                done = subprocess.run(["sh", "-c", f'exec "$@" {stderr}', "sh", support.PINGPERF, "run", "-o", results,
                                       file], stdout=subprocess.DEVNULL)
                self.assertEqual(done.returncode, 0)
                trials = support.read_table(support.run_directory(results) / "trials.csv")
                self.assertEqual(set(trials.status), {"ok"})

    def test_a_file_at_its_size_limit_is_an_error(self):
        done = subprocess.run(["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", support.PINGPERF, "run", "-o", self.results,
                               self.experiment(NULL_TRIALS)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)  # environment.json is longer: the run cannot be kept
        self.assertIn("File too large", done.stderr)

    def test_a_run_that_cannot_be_kept_is_wrong_usage(self):
        done = pingperf("run", "-o", "/proc/nowhere", self.experiment(NULL_TRIALS))
        self.assertEqual(done.returncode, 2)
        self.assertIn("/proc/nowhere", done.stderr)

    def test_quiet_says_nothing_while_all_is_well(self):
        done = self.run_ok(self.experiment(NULL_TRIALS), "--quiet", "--set", "plan.repetitions=2",
                           "--set", "workloads.nothing.duration=1ms")
        self.assertEqual(done.stderr, "")

    def test_engines_lists_every_family(self):
        done = pingperf("engines")
        self.assertEqual(done.returncode, 0)
        for family in ("noop", "iperf3", "blocking"):
            self.assertIn(family, done.stdout)


class Lines(support.EndToEnd):
    LINES = ("run", "-q", "--format", "jsonl", "--set", "plan.repetitions=2",
             "--set", "workloads.nothing.duration=1ms", "--label", "commit=123e45")

    def test_each_event_is_a_line(self):
        done = pingperf(*self.LINES, "-o", self.folder, self.experiment(NULL_TRIALS))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["event"] for line in lines],
                         ["run", "start", "end", "start", "end", "result"])
        self.assertEqual([line["status"] for line in lines if line["event"] == "end"], ["ok", "ok"])
        self.assertEqual(lines[2]["commit"], "123e45")
        self.assertEqual(lines[2]["duration_s"], 0.001)

    def test_a_reader_that_goes_away_loses_nothing(self):
        run = subprocess.Popen([support.PINGPERF, *self.LINES, "-o", self.folder, self.experiment(NULL_TRIALS)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        directory = Path(json.loads(run.stdout.readline())["directory"])
        run.stdout.close()
        self.assertIn("the run goes on", run.stderr.read())
        run.stderr.close()
        self.assertEqual(run.wait(timeout=60), 0)
        self.assertEqual(len((directory / "trials.csv").read_text().splitlines()), 3)
        self.assertTrue((directory / "summary.csv").exists())

    def test_ctrl_c_ends_a_run_whose_reader_stands_still(self):
        ours, theirs = os.pipe()
        os.write(theirs, bytes(fcntl.fcntl(theirs, fcntl.F_GETPIPE_SZ)))
        run = subprocess.Popen([support.PINGPERF, *self.LINES, "-o", self.folder, self.experiment(NULL_TRIALS)],
                               stdout=theirs, stderr=subprocess.PIPE, text=True)
        self.assertTrue(eventually(lambda: list(Path(self.folder).glob("**/trials.csv"))))
        run.send_signal(signal.SIGINT)
        self.assertIn("the run goes on", run.communicate(timeout=60)[1])
        os.close(ours)
        os.close(theirs)


class Terminal(support.EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pings = cls.shared_run(PINGS, "-q")

    def shown(self, **environment):
        return on_terminal("run", "-q", "--resume", self.pings.directory, **environment)

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

    def test_on_a_narrow_terminal_the_progress_keeps_the_case_and_the_time_left(self):
        file = self.experiment("name: x\nplan: {repetitions: 1, cooldown: 0ms}\nworkloads:\n"
                               "  transfers_with_a_name_of_34_letters: {kind: throughput, engine: blocking, duration: 150ms, warmup: 0ms}\n")
        for columns, pattern in ((120, r"\[1/1\] [#.]{10} [0-9]+ s left  transfers_with_a_name_of_34_letters "),
                                 (60, r"\[1/1\] [0-9]+ s left  transfers_with_a_name_of_34_letters "),
                                 (30, r"\[1/1\] [0-9]+ s left  tr.*….*rs ")):
            with self.subTest(columns=columns):
                text = on_terminal("run", "-o", self.results, file, stream="stderr", COLUMNS=str(columns))
                self.assertRegex(text, pattern)

    def test_latency_has_a_bar_where_there_is_room(self):
        wide = self.shown(COLUMNS="120")
        self.assertIn("█p50 ━p99 ─max", wide)
        self.assertRegex(wide, "█━*─*")
        self.assertNotIn("█", self.pings.stdout)

    def test_colours_are_for_terminals_that_want_them(self):
        self.assertIn("\x1b[", self.shown())
        self.assertNotIn("\x1b[", self.shown(NO_COLOR="1"))
        self.assertNotIn("\x1b[", self.shown(TERM="dumb"))
        self.assertIn("\x1b[1m", on_terminal("doctor"))


class Json(support.EndToEnd):
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
        many = self.experiment(
            "name: many\nplan: {repetitions: 1, cooldown: 0ms}\nhosts: {nodes: {ssh: 'n[1-100]'}, pattern: pairs}\n"
            "workloads: {w: {kind: latency, engine: blocking, duration: 10ms, warmup: 0ms}}\n", "many.yaml")
        self.assertGreater(self.read("check", many)[0]["expected_s"], 3)  # half a second of trials
        plan = self.read("plan", file)
        self.assertEqual([trial["position"] for trial in plan["trials"]], list(range(1, 9)))
        self.assertEqual({trial["block"] for trial in plan["trials"]}, {1, 2})

    def test_engines(self):
        engines = self.read("engines")
        iperf3 = [e for e in engines if e["name"] == "iperf3"]
        self.assertEqual({e["transport"] for e in iperf3}, {"tcp", "udp", "mptcp"})
        self.assertIn("message_size", iperf3[0]["parameters"])

    def test_an_unknown_format_or_transport_is_wrong_usage(self):
        for arguments in (("engines", "--format", "xml"), ("ping", "::1", "--transport", "quic")):
            done = pingperf(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(arguments[-1], done.stderr)


if __name__ == "__main__":
    support.main()
