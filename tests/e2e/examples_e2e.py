"""Builds the programs of examples/ and runs their experiment, as examples/README.md describes.

Usage: examples_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import support
from support import SOURCE, on_terminal

EXAMPLES = SOURCE / "examples"
PROGRAMS = ["c-ping", "python-ping", "go-ping", "c-bulk", "python-bulk"]


def build(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0 and not done.stderr, done.stderr


class Examples(support.EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.copy = shutil.copytree(EXAMPLES, cls.shared / "examples", ignore=lambda folder, names:
                                   [n for n in names if not Path(n).suffix])  # built programs
        for source in cls.copy.glob("*.c"):
            build("cc", "-O2", "-Wall", "-Wextra", "-o", source.with_suffix(""), source)
        pings = ["blocking", "c-ping", "python-ping"]
        if shutil.which("go"):
            build("go", "build", "-o", "ping_client_go", "ping_client.go", cwd=cls.copy,
                  env={**os.environ, "GOCACHE": str(cls.shared / "go"), "GOFLAGS": "", "GO111MODULE": "off"})
            pings.append("go-ping")
        changes = ["plan.repetitions=1", "defaults.duration=300ms", f"workloads.ping.matrix.engine={pings}"]
        cls.compared = support.Run(cls.shared / "results", "examples/compare.yaml",
                                   *(word for change in changes for word in ("--set", change)),
                                   cwd=cls.shared)

    def rows(self, kind):
        trials = self.compared.table()
        return {row.engine: row for row in trials[trials.kind == kind].itertuples()}

    def test_every_program_measures_beside_the_engines(self):
        trials = self.compared.table()
        self.assertEqual(set(trials.status), {"ok"}, list(trials.error))
        for engine, row in self.rows("latency").items():
            self.assertGreater(row.exchanges, 100, engine)
            self.assertGreater(row.rtt_p50_ns, 0, engine)
            if engine in PROGRAMS:  # their round trips follow one another, and the last one ends the window
                self.assertLessEqual(row.rtt_mean_ns * row.exchanges, 1.001e9 * row.client_window_s, engine)
        for engine, row in self.rows("throughput").items():
            self.assertTrue(1e6 < row.throughput_bps < 1e13, (engine, row.throughput_bps))
        for program in PROGRAMS:
            with self.subTest(program):
                if program == "go-ping" and not shutil.which("go"):
                    self.skipTest("go is not installed")
                self.assertIn(program, set(trials.engine))

    def test_own_lines_become_intervals_and_histograms(self):
        intervals = self.compared.table("intervals.csv")
        for program in ("c-bulk", "python-bulk"):
            measured = intervals[(intervals.case == f"bulk/engine={program}") & (intervals.endpoint == "server")]
            self.assertGreater(len(measured), 0, program)
            self.assertGreater(measured.bytes_received.min(), 0, program)
        histograms = {file.name for file in (self.compared.directory / "histograms").iterdir()}
        for row in self.rows("latency").values():
            self.assertIn(f"ping_engine={row.engine}-1.hgrm", histograms)

    def test_progress_shows_the_rate_that_the_server_reports(self):
        shown = on_terminal("run", "-o", self.results, "examples/compare.yaml", "--only", "bulk/engine=c-bulk", "--set",
                            "plan.repetitions=1", stream="stderr", cwd=self.shared, COLUMNS="120")
        # A server that prints all intervals at its end shows one rate, that of the last one.
        self.assertGreater(len(set(re.findall(r"bulk/engine=c-bulk  ([0-9.]+ [kMG]?bit/s)", shown))), 1, shown)

    def test_every_program_has_at_most_thirty_lines(self):
        programs = [f for f in EXAMPLES.iterdir() if f.suffix in (".c", ".py", ".go")]
        self.assertEqual({f.suffix for f in programs}, {".c", ".py", ".go"})
        for program in programs:
            self.assertLessEqual(len(program.read_text().splitlines()), 30, program.name)


if __name__ == "__main__":
    support.main()
