"""Checks the output of gates, stopping rules, comparisons of runs and exports.

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
TINY = """
name: tiny
plan: {repetitions: 6, cooldown: 0ms}
workloads:
  bulk: {kind: throughput, engine: blocking, duration: 10ms, warmup: 0ms, pin: {client: 0, server: 0}}
"""
WRITTEN = """
name: written
plan: {repetitions: 12, cooldown: 0ms}
workloads:
  bulk: {kind: throughput, duration: 1s, warmup: 0ms, matrix: {engine: [blocking, epoll]}}
compare:
  - {metric: throughput_bps, axis: engine, baseline: blocking}
"""
BREACH = ["--set", "gates.0.at_least=900Tbit"]


UNTIL = "plan.until={metric: throughput_bps, relative_ci: 0.001%, at_most: 8}"


class Verdicts(support.EndToEnd):
    HAS_PRIORITY = True

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
        # The numbers are made up, so that the verdict does not depend on the machine.
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

    def sessions_of(self, count, *arguments):
        """Runs a set of tiny runs. Returns the finished process and the directories in order."""
        done = pingperf("run", "-o", self.results, *arguments, "--sessions", count, "--pause", "10ms")
        runs = [d for d in self.results.glob("*/*") if not d.is_symlink()]
        return done, sorted(runs, key=lambda d: (d / "trials.csv").stat().st_mtime_ns)

    def test_the_sessions_of_a_run_are_one_set_that_compare_takes(self):
        done, runs = self.sessions_of(3, self.experiment(TINY))
        self.assertEqual(done.returncode, 0, done.stderr)
        sets = [json.loads((run / "environment.json").read_text())["set"] for run in runs]
        self.assertEqual(sets, [{"name": runs[0].name, "session": k, "sessions": 3} for k in (1, 2, 3)])
        folder = self.results / "tiny"
        self.assertIn("\n".join(["These 3 runs are one set:"] + [f"  {run}" for run in runs]), done.stdout)
        command = f"pingperf compare BASE {folder} --new-last 3"
        self.assertIn(command, done.stdout)
        # Older runs in the same folder do not belong to the set.
        base = self.folder / "base"
        shutil.copytree(runs[0], base / "20250101T000000Z-1")
        shutil.copytree(runs[0], folder / "20250101T000000Z-1")
        rows = self.compared(base, *command.split()[3:])
        self.assertEqual({(row["base_runs"], row["new_runs"]) for row in rows}, {(1, 3)})

    def test_sessions_in_json_name_their_set(self):
        done, runs = self.sessions_of(2, self.experiment(TINY), "--format", "json")
        documents = json.loads(done.stdout)["runs"]
        self.assertEqual([(d["set"], d["session"]) for d in documents], [(runs[0].name, 1), (runs[0].name, 2)])

    def test_sessions_repeat_each_file_and_exit_with_the_worst_code(self):
        other = self.experiment(TINY.replace("tiny", "bounded") + "gates: [{metric: throughput_bps, at_least: "
                                "900Tbit}]\n", "other.yaml")
        done, runs = self.sessions_of(2, self.experiment(TINY), other)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual([run.parent.name for run in runs], ["tiny", "tiny", "bounded", "bounded"])

    def test_a_session_that_cannot_start_does_not_lose_the_others(self):
        launch = self.folder / "launch"
        launch.write_text(f"#!/bin/sh\necho >> {launch}.log\n"
                          f'[ $(wc -l < {launch}.log) != 2 ] || exit 1\nexec "$@"\n')
        launch.chmod(0o755)
        done, runs = self.sessions_of(3, self.experiment(TINY + f"hosts: {{client: {{launch: [{launch}]}}}}\n"))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(len(runs), 2)
        self.assertIn("session 2 of 3: ", done.stderr)
        self.assertIn("These 2 runs are one set", done.stdout)

    def test_a_set_is_judged_against_the_run_before_it(self):
        two_engines = TINY.replace("engine: blocking", "matrix: {engine: [blocking, epoll]}")
        stored = self.run_ok(self.experiment(two_engines)).directory / "trials.csv"
        trials = pandas.read_csv(stored, dtype=str, keep_default_na=False)
        trials.loc[trials.engine == "epoll", "throughput_bps"] = "1e18"
        trials.to_csv(stored, index=False)
        gate = (f"{{metric: throughput_bps, against: {self.results}/tiny/latest, relative_to: {{engine: blocking}}, "
                "at_least: 50%}")
        done, _ = self.sessions_of(2, self.experiment(two_engines + f"gates: [{gate}]\n"))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stderr.count("gate failed: bulk"), 2, done.stderr)

    def test_wrong_sessions_are_one_line_and_exit_2(self):
        file = self.experiment(TINY)
        for arguments in (["--sessions", 0], ["--sessions", "many"], ["--pause", "1s"],
                          ["--sessions", 2, "--pause", "soon"], ["--sessions", 2, "--pause", "25h"],
                          ["--sessions", 2, "--resume", self.held.directory]):
            done = pingperf("run", *([] if "--resume" in arguments else [file]), *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(len(done.stderr.splitlines()), (1, 2), done.stderr)

    def compared(self, *arguments):
        done = pingperf("compare", *arguments, "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["rows"]

    def test_compare_selects_runs_by_glob_number_and_date(self):
        folder = self.results / "gated"
        for day in range(10, 18):
            shutil.copytree(self.held.directory, folder / f"202611{day}T120000Z-1")
        (folder / "latest").symlink_to("20261117T120000Z-1")
        for arguments, runs in (([folder, folder / "latest"], (7, 1)),
                                ([f"{folder}/*", f"{folder}/late*"], (7, 1)),
                                ([folder, folder / "latest", "--last", 5], (5, 1)),
                                ([folder, folder, "--last", 4, "--new-last", 3], (4, 3)),
                                ([folder, folder / "latest", "--since", "2026-11-12", "--until", "2026-11-14"], (3, 1)),
                                ([f"{folder}/2026111[0-4]*", "--new", f"{folder}/2026111[5-7]*"], (5, 3))):
            with self.subTest(arguments):
                rows = self.compared(*arguments)
                self.assertEqual({(row["base_runs"], row["new_runs"]) for row in rows}, {runs})

    def test_a_side_of_compare_without_a_run_says_what_there_was(self):
        folder = self.results / "gated"
        shutil.copytree(self.held.directory, folder / "20261110T120000Z-1")
        for arguments, error in (
                ([folder, self.held.directory, "--until", "2026-11-09"],
                 "pingperf compare: BASE: no run is left of 1 with trials, started at 2026-11-10T12:00:00"),
                ([folder, folder, "--last", 3], "1 of them are on the other side too"),
                ([f"{folder}/2025*", folder], "no run matches it"),
                ([folder, folder, "--since", "yesterday"], "'yesterday' is not a date: write e.g. 2026-11-28")):
            done = pingperf("compare", *arguments)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(error, done.stderr)

    def test_a_glob_without_quotes_is_reported_as_one(self):
        hint = "put a glob in quotes: "
        done = pingperf("compare", *[self.held.directory] * 4)
        self.assertEqual(done.returncode, 2)
        self.assertIn(hint, done.stderr)
        self.assertNotIn(hint, pingperf("compare", self.held.directory, self.held.directory, "--typo").stderr)

    def test_only_names_the_gates_and_comparisons_that_it_leaves_out(self):
        line = ("warning: --only leaves out 2 gates and 1 comparison: throughput_bps of bulk/engine=blocking, "
                "throughput_bps of bulk/engine=epoll, throughput_bps of bulk/engine=epoll to bulk/engine=blocking\n")
        file = self.experiment(GATED)
        for command in (["run", "-q", "-o", self.results], ["check"], ["plan"]):
            done = pingperf(*command, file, "--only", "pingpong", "--set", "plan.repetitions=1")
            self.assertIn(line, done.stderr)
            self.assertNotIn("leaves out", pingperf("check", file).stderr)

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

    def test_a_stored_experiment_that_this_version_refuses_is_reported_without_comparisons(self):
        run = self.written_run("old")
        (run / "experiment.yaml").write_text(WRITTEN + "\nkey_of_another_version: 1\n")
        for command in (["report", run], ["export", run, "--format", "markdown"]):
            with self.subTest(command[0]):
                done = pingperf(*command)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("no comparisons and gates, because this version refuses it: ", done.stderr)
        self.assertIn("bulk/engine=epoll", done.stdout)

    def written_run(self, name, speed=1.0, retransmits=10):
        """Writes a run of two engines with counters. Returns its directory. The second engine is `speed`
        times as fast as the first. Unless that is 1, its trials also lost retransmitted segments."""
        run = self.folder / name
        run.mkdir()
        (run / "experiment.yaml").write_text(WRITTEN)
        (run / "environment.json").write_text('{"overrides": {"set": [], "only": ""}}')
        columns = "run,experiment,workload,kind,case,block,status,elapsed_s,throughput_bps,total_bytes_received"
        trials, counters = [columns], ["schema_version,run,case,block,host,source,name,delta"]
        for block in range(1, 13):
            for engine, factor, again, lost in (("blocking", 1, 10, 0), ("epoll", speed, retransmits, 41)):
                case, rate = f"bulk/engine={engine}", 1e9 * factor * (1 + 0.001 * (7 * block % 12))
                trials.append(f"{name},written,bulk,throughput,{case},{block},ok,1,{rate},{rate / 8:.0f}")
                row = f"1,{name},{case},{block},both,"
                counters += [f"{row}snmp,Tcp.OutSegs,{rate / 480_000:.0f}",
                             f"{row}snmp,Tcp.RetransSegs,{again + block % 3}",
                             f"{row}tracepoint,tcp:tcp_retransmit_skb,{again + block % 3}",
                             f"{row}interrupts,LOC cpu0,{250 + 5 * block % 7}"]
                if lost and speed != 1:
                    counters.append(f"{row}netstat,TcpExt.TCPLostRetransmit,{lost}")
        (run / "trials.csv").write_text("\n".join(trials) + "\n")
        (run / "counters.csv").write_text("\n".join(counters) + "\n")
        return run

    def test_explain_names_the_counters_that_changed_with_a_difference(self):
        base, slow = self.written_run("base"), self.written_run("slow", 0.5, 90)
        explained = "TcpExt.TCPLostRetransmit 0 → 41, Tcp.RetransSegs ×8.3"
        compare = ("compare", base, slow, "--session-sd", "1%")
        self.assertNotIn("changed with it", pingperf(*compare).stdout)
        table = pingperf(*compare, "--explain").stdout
        self.assertIn(f"slower\n    changed with it: {explained}\n", table)
        self.assertEqual(table.count("changed with it"), 1)  # the other row has no difference
        self.assertIn(f"epoll throughput_bps: changed with it: {explained}",
                      pingperf(*compare, "--explain", "--format", "markdown").stdout)
        rows = json.loads(pingperf(*compare, "--explain", "--format", "json").stdout)["rows"]
        lost, again = next(row for row in rows if row["verdict"] == "slower")["counters"]
        self.assertEqual((lost["before"], lost["after"], lost["ratio"]), (0, 41, None))
        self.assertAlmostEqual(again["ratio"], 91 / 11, 1)
        self.assertEqual([other["name"] for other in again["same"]], ["tcp:tcp_retransmit_skb"])
        csv = pandas.read_csv(io.StringIO(pingperf(*compare, "--explain", "--format", "csv").stdout))
        self.assertEqual(csv.explanation.dropna().tolist(), [explained])
        # Within the run, the cases are compared.
        self.assertIn(f"bulk/engine=epoll throughput_bps: changed with it: {explained}",
                      pingperf("export", slow, "--format", "markdown").stdout)
        self.assertEqual(pingperf("report", slow).returncode, 0)
        self.assertIn("TCPLostRetransmit 0 \\u2192 41", (slow / "report.html").read_text())

    def test_explain_of_runs_without_counters_says_nothing_and_of_damaged_ones_is_one_line(self):
        base, slow = self.written_run("base"), self.written_run("slow", 0.5, 90)
        compare = ("compare", base, slow, "--session-sd", "1%", "--explain")
        with (slow / "counters.csv").open("a") as counters:
            counters.write("1,slow,bulk/engine=epoll,1,both,snmp,Tcp.InSegs,many\n")
        for arguments in (compare, ("report", slow)):
            done = pingperf(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, r"^\S+/slow/counters.csv:\d+: 'many' in column delta is not a number\n$")
        (slow / "counters.csv").unlink()
        done = pingperf(*compare)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("changed with it", done.stdout)

    def test_exports_are_read_by_their_consumers(self):
        run = self.held.directory
        benchmark = self.folder / "benchmark.json"
        benchmark.write_text(pingperf("export", run, "--format", "benchmark-json").stdout)
        names = {b["run_name"] for b in json.loads(benchmark.read_text())["benchmarks"]}
        self.assertEqual(names, {"bulk/engine=blocking", "bulk/engine=epoll", "pingpong"})
        self.assertIn("| pingpong |", pingperf("export", run, "--format", "markdown").stdout)
        folder = pingperf("export", run.parent, "--format", "openmetrics").stdout
        self.assertIn(f'run="{run.name}",', folder)
        self.assertEqual(pingperf("export", run.parent, "--format", "benchmark-json").returncode, 2)
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
