"""Kills a run of many short trials at random moments and resumes it, until its plan is complete.

After every kill, csv and pandas read trials.csv. After every resume, no row is torn, doubled or
changed. At the end the rows are exactly those of the plan. At every fifth kill two controllers
resume at the same time, and one of them is refused.
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
from processes import eventually, kill_all_with, processes_with
from stage import RUN_FILES, Wrong, complete_lines

EXPERIMENT = """
name: crash
plan: {cooldown: 0ms}
defaults: {warmup: 0ms}
workloads:
  bulk: {kind: throughput, engine: noop, matrix: {duration: [1ms, 2ms]}}
  ping: {kind: latency, engine: blocking, matrix: {messages: [10, 20]}}
"""
CASES = ("bulk/duration=1ms", "bulk/duration=2ms", "ping/messages=10", "ping/messages=20")
TWINS_EVERY = 5  # kills


def read_rows(file):
    """Reads the complete rows with csv, and checks that pandas reads the same number."""
    text = complete_lines(file).decode()
    lines = list(csv.reader(text.splitlines(keepends=True), strict=True))
    if any(len(line) != len(lines[0]) for line in lines):
        raise Wrong("a row has more or fewer cells than the header")
    rows = [dict(zip(lines[0], line)) for line in lines[1:]]
    if len(pandas.read_csv(file, on_bad_lines="error")) - len(rows) not in (0, 1):  # a torn last row
        raise Wrong("pandas and csv read different numbers of rows")
    return rows


def keys_of(rows):
    return [(row["case"], row["repetition"]) for row in rows]


class Chain:
    """One run and its controllers. All but the last are killed."""

    def __init__(self, arguments, number):
        self.pingperf = arguments.pingperf
        self.max_life_s = arguments.longest_life
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
                raise Wrong("processes remain")
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
            if not runs or not (runs[0] / "trials.csv").exists():  # the run had not started
                return
            finished = self.check(runs[0], finished)
            controller = self.resume(runs[0])
        self.check_end(controller, results, finished)

    def dies(self, controller):
        """Kills the controller at a random moment. Returns False if it had already ended."""
        try:
            controller.wait(timeout=self.random.uniform(0, self.max_life_s))
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
        elif refused.returncode != 0:  # 0: the run was complete before the other one started
            raise Wrong(f"one of two controllers exited with {refused.returncode}: {errors.decode()}")
        return other

    def check(self, run, finished_before):
        """Checks the rows after a kill. Returns the complete lines."""
        file = run / "trials.csv"
        finished = complete_lines(file)
        if not finished.startswith(finished_before):
            raise Wrong("complete rows have changed")
        rows = read_rows(file)
        if len(set(keys_of(rows))) != len(rows):
            raise Wrong("a trial has two rows")
        if not set(keys_of(rows)) <= self.plan or {row["status"] for row in rows} - {"ok"}:
            raise Wrong("a row is not of the plan or not ok")
        return finished

    def check_end(self, controller, results, finished):
        _, errors = controller.communicate(timeout=120)
        if controller.returncode != 0:
            raise Wrong(f"the last controller exited with {controller.returncode}: {errors.decode()}")
        run = results / "crash/latest"
        self.check(run, finished)
        if complete_lines(run / "trials.csv") != (run / "trials.csv").read_bytes():
            raise Wrong("the last row is torn")
        if set(keys_of(read_rows(run / "trials.csv"))) != self.plan:
            raise Wrong("the rows are not those of the plan")
        intervals = pandas.read_csv(run / "intervals.csv")
        if not set(zip(intervals.case, intervals.repetition.astype(str))) <= self.plan:
            raise Wrong("an interval belongs to no trial")
        if intervals.duplicated(["case", "repetition", "endpoint", "start_s"]).any():
            raise Wrong("an interval is doubled")
        counters = pandas.read_csv(run / "counters.csv")
        if set(zip(counters.case, counters.block.astype(str))) != self.plan:
            raise Wrong("a trial has no counters, or counters belong to no trial")
        if counters.duplicated(["case", "block", "host", "source", "name"]).any():
            raise Wrong("a counter is doubled")
        odd = {p.name for p in run.iterdir()} ^ (RUN_FILES | {"histograms"})
        odd |= {p.name for p in run.glob("histograms/*") if p.suffix != ".hgrm"}
        if odd:
            raise Wrong(f"files are missing or unexpected: {sorted(odd)}")
        shutil.rmtree(results)
        self.completed += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=40, help="repetitions of 4 cases")
    parser.add_argument("--longest-life", type=float, default=1.5,
                        help="maximum seconds until a controller is killed; a whole run should take longer")
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
    text = f"{kills} kills, {refusals} second controllers refused, in {took_s:.0f} s. " \
           "Every row is complete and appears once."
    print(text)
    if refusals == 0:
        print("no second controller was refused: all of them started too late")
        return 1
    if arguments.write:
        page.write_part(arguments.write, "crash", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
