"""Kills a run of many short trials at random instants and resumes it, again and again, until its plan is done.

After every kill trials.csv is read by a reader that is not ours; after every resume no row is torn, doubled or other
than it was; at the end the rows are exactly those of the plan. Now and then two controllers resume at once: one is
refused.
"""

import argparse
import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas

import page
from stage import RUN_FILES, Wrong, complete_lines, eventually, kill_all_with, processes_with

EXPERIMENT = """
name: crash
plan: {cooldown: 0ms}
defaults: {warmup: 0ms}
workloads:
  bulk: {kind: throughput, engine: null, matrix: {duration: [1ms, 2ms]}}
  ping: {kind: latency, engine: blocking, matrix: {messages: [10, 20]}}
"""
CASES = ("bulk/duration=1ms", "bulk/duration=2ms", "ping/messages=10", "ping/messages=20")
TWINS_EVERY = 5  # kills


def read_rows(file):
    """The rows that have been finished, as csv and pandas see them alike."""
    text = complete_lines(file).decode()
    lines = list(csv.reader(text.splitlines(keepends=True), strict=True))
    if any(len(line) != len(lines[0]) for line in lines):
        raise Wrong("a row has not as many cells as the header")
    rows = [dict(zip(lines[0], line)) for line in lines[1:]]
    if len(pandas.read_csv(file, on_bad_lines="error")) - len(rows) not in (0, 1):  # a torn last row
        raise Wrong("pandas reads other rows than csv does")
    return rows


def keys_of(rows):
    return [(row["case"], row["repetition"]) for row in rows]


class Chain:
    """One run and its controllers, each of which is killed but the last."""

    def __init__(self, arguments, number):
        self.pingperf = arguments.pingperf
        self.longest_life_s = arguments.longest_life
        self.plan = {(case, str(repetition)) for case in CASES for repetition in range(1, arguments.repetitions + 1)}
        self.random = random.Random(f"{arguments.seed}-{number}")
        self.folder = Path(tempfile.mkdtemp(prefix="crash-"))
        self.marker = f"PINGPERF_FAULT_RUN={uuid.uuid4()}"
        (self.folder / "crash.yaml").write_text(
            EXPERIMENT.replace("plan: {", f"plan: {{repetitions: {arguments.repetitions}, "))
        self.kills = 0
        self.completed = 0
        self.refusals = 0

    def run(self, kills):
        try:
            while self.kills < kills or not self.completed:
                self.one_run(kills)
            if not eventually(lambda: not processes_with(self.marker.encode()), 3):
                raise Wrong("processes are left")
        finally:
            kill_all_with(self.marker.encode())
            shutil.rmtree(self.folder)
        return self.kills, self.refusals

    def start(self, *arguments):
        name, _, value = self.marker.partition("=")
        return subprocess.Popen([self.pingperf, "run", "-q", *map(str, arguments)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, env={**os.environ, name: value}, start_new_session=True)

    def one_run(self, kills):
        results = Path(tempfile.mkdtemp(dir=self.folder))
        controller = self.start("-o", results, self.folder / "crash.yaml")
        finished = b""
        while self.kills < kills and self.dies(controller):
            self.kills += 1
            runs = [p for p in results.glob("crash/*") if p.is_dir() and not p.is_symlink()]
            if not runs or not (runs[0] / "trials.csv").exists():  # it had not begun
                return
            finished = self.check(runs[0], finished)
            controller = self.resume(runs[0])
        self.check_end(controller, results, finished)

    def dies(self, controller):
        """Kills it at a random instant; false when it had ended by then."""
        try:
            controller.wait(timeout=self.random.uniform(0, self.longest_life_s))
            return False
        except subprocess.TimeoutExpired:
            controller.kill()
            controller.communicate()
            return True

    def resume(self, run):
        first = self.start("--resume", run)
        if self.kills % TWINS_EVERY:
            return first
        second = self.start("--resume", run)
        eventually(lambda: first.poll() is not None or second.poll() is not None, 20)
        refused, other = (first, second) if first.poll() is not None else (second, first)
        _, errors = refused.communicate(timeout=20)
        if refused.returncode == 2 and b"another pingperf" in errors:
            self.refusals += 1
        elif refused.returncode != 0:  # else it was done before the other one began
            raise Wrong(f"of two controllers one ended with {refused.returncode}: {errors.decode()}")
        return other

    def check(self, run, finished_before):
        """After a kill; returns what is finished by now."""
        file = run / "trials.csv"
        finished = complete_lines(file)
        if not finished.startswith(finished_before):
            raise Wrong("finished rows are not what they were")
        rows = read_rows(file)
        if len(set(keys_of(rows))) != len(rows):
            raise Wrong("a trial has two rows")
        if not set(keys_of(rows)) <= self.plan or {row["status"] for row in rows} - {"ok"}:
            raise Wrong("a row that should not be")
        return finished

    def check_end(self, controller, results, finished):
        _, errors = controller.communicate(timeout=120)
        if controller.returncode != 0:
            raise Wrong(f"the last controller ended with {controller.returncode}: {errors.decode()}")
        run = results / "crash/latest"
        self.check(run, finished)
        if complete_lines(run / "trials.csv") != (run / "trials.csv").read_bytes():
            raise Wrong("a torn row is left")
        if set(keys_of(read_rows(run / "trials.csv"))) != self.plan:
            raise Wrong("the rows are not those of the plan")
        intervals = pandas.read_csv(run / "intervals.csv")
        if not set(zip(intervals.case, intervals.repetition.astype(str))) <= self.plan:
            raise Wrong("an interval of no trial")
        if intervals.duplicated(["case", "repetition", "endpoint", "start_s"]).any():
            raise Wrong("an interval twice")
        odd = {p.name for p in run.iterdir()} ^ (RUN_FILES | {"histograms"})
        odd |= {p.name for p in run.glob("histograms/*") if p.suffix != ".hgrm"}
        if odd:
            raise Wrong(f"files are missing or left: {sorted(odd)}")
        shutil.rmtree(results)
        self.completed += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=40, help="of the plan, of 4 cases")
    parser.add_argument("--longest-life", type=float, default=1.5,
                        help="seconds of a controller until it is killed; a whole run should take a little longer")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    page.add_write(parser)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    begin = time.monotonic()
    chains = [Chain(arguments, number) for number in range(arguments.jobs)]
    share = -(-arguments.kills // arguments.jobs)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        counts = list(pool.map(lambda chain: chain.run(share), chains))
    kills, refusals = map(sum, zip(*counts))
    took_s = time.monotonic() - begin
    text = f"{kills} kills, {refusals} second controllers refused: every row once and whole, in {took_s:.0f} s."
    print(text)
    if refusals == 0:
        print("no second controller was refused: each came too late to test anything")
        return 1
    if arguments.write:
        page.write_part(arguments.write, "crash", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
