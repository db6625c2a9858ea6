"""Runs the programs that configs/programs/ declares, each once over loopback. A program that is not
installed is skipped.

Usage: programs_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import yaml

import support
from support import SOURCE, pingperf

FILES = sorted((SOURCE / "configs/programs").glob("*.yaml"))
PROGRAMS = {name: program for file in FILES
            for name, program in yaml.safe_load(file.read_text())["programs"].items()}


def experiment_of(names):
    """Returns an experiment that runs each program once. Most of the tools count whole seconds."""
    workloads = {name: {"kind": PROGRAMS[name]["kind"], "engine": name,
                        "transport": PROGRAMS[name].get("transport", "tcp")} for name in names}
    return yaml.safe_dump({"name": "programs", "plan": {"repetitions": 1, "cooldown": "0ms"},
                           "use": [str(file) for file in FILES], "defaults": {"duration": "1s"},
                           "workloads": workloads})


def missing(name):
    """Returns the executable that a program lacks; nothing if it is installed."""
    commands = [PROGRAMS[name]["client"], PROGRAMS[name].get("server", [])]
    words = {command[0] for command in commands if command}
    words |= {"wrk", "nginx"} if name == "wrk" else set()  # sh(1) runs them
    return next((word for word in sorted(words) if not shutil.which(word)), None)


class Peers(support.EndToEnd):
    AT_ONCE = 3  # disturbs the figures, but no test here judges them

    def test_every_file_is_described_and_right(self):
        self.assertGreater(len(FILES), 5)
        for file in FILES:
            with self.subTest(file.name):
                text = yaml.safe_load(file.read_text())
                self.assertEqual(list(text), ["description", "programs"])
                self.assertTrue(text["description"])
        done = pingperf("check", self.experiment(experiment_of(PROGRAMS)))
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in PROGRAMS:
            self.assertIn(f"(as the client of program '{name}')", done.stdout + done.stderr)

    def test_every_installed_program_measures(self):
        installed = []
        for name in PROGRAMS:
            lacks = missing(name)
            if lacks is None:
                installed.append(name)
                continue
            with self.subTest(name):
                self.skipTest(f"{lacks} is not installed")

        def run(name):
            file = self.experiment(experiment_of([name]), f"{name}.yaml")
            return name, pingperf("run", "-q", "-o", self.folder / name, file)

        with ThreadPoolExecutor(self.AT_ONCE) as pool:
            for name, done in pool.map(run, installed):
                with self.subTest(name):
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    self.check_figures(name)

    def check_figures(self, name):
        [trial] = support.read_table(support.run_directory(self.folder / name) / "trials.csv").to_dict("records")
        self.assertEqual(trial["status"], "ok", trial["error"])
        for column in PROGRAMS[name]["results"]:
            self.assertGreaterEqual(trial[column], 0, column)
        if PROGRAMS[name]["kind"] == "throughput":
            self.assertTrue(1e6 < trial["throughput_bps"] < 1e13, trial["throughput_bps"])
            return
        median = "rtt_p50_ns" if "rtt_p50_ns" in PROGRAMS[name]["results"] else "rtt_mean_ns"
        self.assertTrue(1e3 < trial[median] < 1e9, trial[median])
        if "rtt_p99_ns" in PROGRAMS[name]["results"]:
            self.assertLessEqual(trial["rtt_p50_ns"], trial["rtt_p99_ns"])

    def test_a_parameter_that_a_tool_cannot_set_is_an_error(self):
        file = self.experiment(experiment_of(["iperf"]))
        done = pingperf("check", file, "--set", "workloads.iperf.streams=2")
        self.assertEqual(done.returncode, 2)
        self.assertIn("streams", done.stderr)

    def test_paths_count_from_the_file_that_says_them_also_when_a_run_is_resumed_elsewhere(self):
        inner = self.folder / "inner"
        (inner / "lib/bin").mkdir(parents=True)
        for script in (inner / "own.sh", inner / "lib/bin/used.sh"):
            script.write_text("#!/bin/sh\necho '{\"p50\": 5}'\n")
            script.chmod(0o755)
        results = "results: {rtt_p50_ns: {json: /p50}}"
        (inner / "lib/used.yaml").write_text(
            f"programs: {{used: {{kind: latency, cwd: bin, client: [./used.sh], {results}}}}}\n")
        text = ("name: paths\nplan: {repetitions: 1, cooldown: 0ms}\nuse: [lib/used.yaml]\n"
                f"programs: {{own: {{kind: latency, client: [./own.sh], {results}}}}}\n"
                "workloads: {w: {kind: latency, matrix: {engine: [own, used]}}}\n")
        (inner / "paths.yaml").write_text(text)
        done = pingperf("run", "-q", "inner/paths.yaml", "-o", inner / "base", cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        (inner / "paths.yaml").write_text(
            text + "gates: [{metric: rtt_p50_ns, against: base/paths/latest, at_most: 2}]\n")
        done = pingperf("run", "-q", "inner/paths.yaml", "-o", self.results, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        trials = next(self.results.glob("paths/2*/trials.csv"))
        trials.write_text("".join(trials.read_text().splitlines(keepends=True)[:-1]))
        done = pingperf("run", "-q", "--resume", trials.parent, cwd="/")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([row.split(",")[11] for row in trials.read_text().splitlines()[1:]], ["ok", "ok"])
        wrong = pingperf("check", "inner/paths.yaml", "--set", "gates.0.against=base/paths/latest", cwd=self.folder)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("base/paths/latest: no such file or directory", wrong.stderr)
        right = pingperf("check", "inner/paths.yaml", "--set", "gates.0.against=inner/base/paths/latest",
                         cwd=self.folder)
        self.assertEqual(right.returncode, 0, right.stderr)

    def test_the_table_of_the_peers_has_a_row_per_comparison(self):
        run = pingperf("run", "-q", "-o", self.results, SOURCE / "configs/peers.yaml", "--only",
                       "tcp_bulk/engine=[bi]*", "--set", "plan.repetitions=1", "--set", "plan.cooldown=0ms")
        self.assertIn(run.returncode, (0, 3), run.stderr)  # 3: iperf is not installed
        comparisons = support.read_table(self.run_directory() / "comparisons.csv")
        compared = comparisons.dropna(subset=["ratio"])
        self.assertIn("tcp_bulk/engine=iperf3-cli", set(compared.case))
        done = subprocess.run([SOURCE / "bench/peers", "--run", self.run_directory()], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| TCP bulk")]
        self.assertEqual([float(row[5]) for row in rows], [round(ratio, 2) for ratio in compared.ratio])


if __name__ == "__main__":
    support.main()
