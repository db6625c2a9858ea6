"""Runs 2 000 short trials over all engines in one run.

The memory, descriptors and threads of the controller and its agents must not grow. The last trials
must not take longer than the first.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pandas

import page
from processes import children, open_files

EXPERIMENT = """
name: soak
plan: {{repetitions: {repetitions}, cooldown: 0ms}}
defaults: {{duration: 50ms, warmup: 0ms}}
workloads:
  nothing: {{engine: noop, matrix: {{kind: [throughput, latency, connect]}}}}
  bulk: {{kind: throughput, transport: tcp, matrix: {{engine: [blocking, epoll, io_uring, splice]}}}}
  datagrams: {{kind: throughput, transport: udp, engine: blocking, message_size: 1400, rate: 100mbit}}
  libiperf:
    kind: throughput
    engine: iperf3
    duration: 800ms
    message_size: 1400
    rate: 100mbit
    matrix: {{transport: [tcp, udp]}}
  pingpong:
    kind: latency
    matrix: {{transport: [tcp, udp], engine: [blocking, spin, hybrid, epoll, io_uring]}}
  local: {{kind: latency, engine: blocking, matrix: {{transport: [unix, unix-datagram, mptcp]}}}}
  reconnect: {{kind: connect, engine: blocking, matrix: {{transport: [tcp, unix]}}}}
"""
CASES = 25
PROCESSES = ("the controller", "the client's agent", "the server's agent")
WHOLE_SECONDS = {"iperf3": 1.0}  # the minimum of libiperf
GROWTH = 1.1  # maximum ratio of the last tenth to the first; memory may grow by 1 MiB more


class Watch:
    """Samples the controller and its agents, with the number of rows in trials.csv."""

    def __init__(self, pid, results):
        self.pid = pid
        self.results = results
        self.samples = []  # (rows, process, RSS in KiB, descriptors, threads)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over.wait(0.25):
            files = list(self.results.glob("soak/[0-9]*/trials.csv"))
            rows = files[0].read_bytes().count(b"\n") - 1 if files else 0
            for number, pid in enumerate([self.pid, *children(self.pid)[:2]]):
                sample = self.sample(pid)
                if sample:
                    self.samples.append((rows, PROCESSES[number], *sample))

    @staticmethod
    def sample(pid):
        try:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            return int(status["VmRSS"].split()[0]), open_files(pid), int(status["Threads"])
        except (OSError, KeyError):
            return None

    def end(self):
        self.over.set()
        self.thread.join()
        return pandas.DataFrame(self.samples, columns=["rows", "process", "RSS_KiB", "descriptors", "threads"])


def run(pingperf, repetitions):
    """Returns the rows of the run and the samples of its processes."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        experiment = Path(folder) / "soak.yaml"
        experiment.write_text(EXPERIMENT.format(repetitions=repetitions))
        results = Path(folder) / "results"
        process = subprocess.Popen([pingperf, "run", "-q", "-o", results, experiment], stdout=subprocess.DEVNULL,
                                   start_new_session=True)
        watch = Watch(process.pid, results)
        try:
            status = process.wait()
        finally:
            samples = watch.end()
        if status not in (0, 3):
            sys.exit(f"the run exited with {status}")
        return pandas.read_csv(results / "soak/latest/trials.csv"), samples


def overheads_s(trials):
    """Returns the time from each trial's start to the next start, minus its duration."""
    period = -pandas.to_datetime(trials.started_at).diff(-1).dt.total_seconds()
    return period - trials.engine.map(WHOLE_SECONDS).fillna(trials.duration_s)


def tenths(table, by):
    """Returns the first and the last tenth of the run."""
    size = table[by].max() / 10
    return table[table[by] <= size], table[table[by] > 9 * size]


def report(trials, samples):
    """Returns the lines of the table and the names of the figures that have grown."""
    lines = ["| figure | first tenth | last tenth | ratio |", "|---|---|---|---|"]
    grown = []

    def add(name, first, last, form, slack=0.0):
        lines.append(f"| {name} | {form(first)} | {form(last)} | {last / first:.2f} |")
        if last > first * GROWTH + slack:
            grown.append(name)

    first, last = ([part[part.process == name] for name in samples.process.unique()] for part in tenths(samples, "rows"))
    for a, b in zip(first, last):
        process = a.process.iloc[0]
        add(f"RSS of {process}", a.RSS_KiB.median(), b.RSS_KiB.median(), lambda kib: f"{kib / 1024:.1f} MiB", 1024)
        for what in ("descriptors", "threads"):
            add(f"{what} of {process}", a[what].median(), b[what].median(), "{:.0f}".format)
    first, last = (part.overhead_s.median() for part in tenths(trials.assign(overhead_s=overheads_s(trials)), "block"))
    add("overhead per trial", first, last, lambda s: f"{1000 * s:.1f} ms")
    return lines, grown


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("--trials", type=int, default=2000)
    page.add_write(parser)
    arguments = parser.parse_args()
    begin = time.monotonic()
    trials, samples = run(arguments.pingperf, max(10, arguments.trials // CASES))
    failed = trials[trials.status != "ok"]
    lines, grown = report(trials, samples)
    text = f"{len(trials)} trials of {trials.case.nunique()} cases in {time.monotonic() - begin:.0f} s, " \
           f"{len(failed)} not ok.\n\n" + "\n".join(lines)
    print(text)
    for _, row in failed.iterrows():
        print(f"{row.status} {row.case} #{row.repetition}: {row.error}")
    if grown:
        print(f"grown: {', '.join(grown)}")
    if arguments.write:
        page.write_part(arguments.write, "soak", text)
    return 1 if grown or len(failed) else 0


if __name__ == "__main__":
    sys.exit(main())
