"""Runs latency servers with 1 to 10 000 flows and bulk transfers with 1 to 512 streams.

No trial may fail. The table lists the memory per flow, the round trip and the fairness (Jain's
index) of each case.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas

import page
from processes import children

FLOWS = (1, 100, 1000, 10_000)
STREAMS = (1, 8, 64, 512)
MAX_STREAMS = {"iperf3": 128}  # the limit of libiperf
LATENCY = ("epoll", "io_uring")
THROUGHPUT = ("blocking", "epoll", "io_uring", "splice", "iperf3")
PIN = {"client": 0, "server": min(1, os.cpu_count() - 1)}


def cases():
    """Yields (engine, number of flows or streams, workload)."""
    for engine in LATENCY:
        for flows in FLOWS:
            yield engine, flows, {"kind": "latency", "transport": "tcp", "engine": engine, "streams": flows,
                                  "duration": "2s", "warmup": "500ms", "pin": PIN}
    for engine in THROUGHPUT:
        for streams in STREAMS:
            streams = min(streams, MAX_STREAMS.get(engine, streams))
            yield engine, streams, {"kind": "throughput", "transport": "tcp", "engine": engine, "streams": streams,
                                    "message_size": "16KiB", "congestion_control": "cubic", "duration": "1500ms",
                                    "warmup": "500ms"}


def peak_memory_kib(agent, peaks):
    """Stores the peak resident memory of an agent's workers in `peaks`."""
    for worker in children(agent):
        try:
            status = Path(f"/proc/{worker}/status").read_text()
            peaks[worker] = int(status.split("VmHWM:")[1].split()[0])
        except (OSError, IndexError):
            pass


def run(pingperf, workload):
    """Returns the row of the only trial, and the peak memory of both workers in KiB."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        experiment = Path(folder) / "load.yaml"
        experiment.write_text(json.dumps({"name": "load", "plan": {"repetitions": 1, "timeout": "2m"},
                                          "workloads": {"it": workload}}))
        process = subprocess.Popen([pingperf, "run", "-q", "-o", Path(folder) / "results", experiment],
                                   stdout=subprocess.DEVNULL, start_new_session=True)
        ends = [{}, {}]
        while process.poll() is None:
            for agent, peaks in zip(children(process.pid), ends):
                peak_memory_kib(agent, peaks)
            time.sleep(0.02)
        if process.returncode not in (0, 3):
            sys.exit(f"the run exited with {process.returncode}")
        row = pandas.read_csv(Path(folder) / "results/load/latest/trials.csv").iloc[0]
        return row, [max(peaks.values(), default=0) for peaks in ends]


def time_text(nanoseconds):
    if pandas.isna(nanoseconds):
        return ""
    return f"{nanoseconds / 1e3:.3g} µs" if nanoseconds < 1e6 else f"{nanoseconds / 1e6:.3g} ms"


def line_of(row, engine, count, extra_kib):
    if row.kind == "latency":
        figures = [f"{row.rate_hz / 1000:.1f} k/s", time_text(row.rtt_p50_ns), time_text(row.rtt_p99_ns)]
    else:
        figures = [f"{row.throughput_bps / 1e9:.1f} Gbit/s", time_text(row.tcp_rtt_mean_ns), ""]
    fairness = "" if pandas.isna(row.fairness_index) else f"{row.fairness_index:.3f}"
    per_flow = [f"{kib / (count - 1):.1f} KiB" if count > 1 else "" for kib in extra_kib]
    return f"| {row.kind} `{engine}` | {count} | " + " | ".join([*figures, fairness, *per_flow]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    page.add_write(parser)
    arguments = parser.parse_args()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < max(FLOWS) + 100:
        sys.exit(f"{max(FLOWS)} flows require as many descriptors: ulimit -Hn is too low")
    lines = ["| workload | flows | total | RTT | p99 | Jain's index | client, per extra flow"
             " | server, per extra flow |",
             "|---|---|---|---|---|---|---|---|"]
    failures, of_one = [], {}
    for engine, count, workload in cases():
        row, peaks = run(arguments.pingperf, workload)
        if row.status != "ok":
            failures.append(f"{row.kind} {engine} {count}: {row.status}: {row.error}")
            continue
        # The first case of each engine has one flow.
        one = of_one.setdefault((row.kind, engine), peaks)
        lines.append(line_of(row, engine, count, [max(0, peak - first) for peak, first in zip(peaks, one)]))
        print(lines[-1], flush=True)
    print(f"{len(lines) - 2} cases ok, {len(failures)} not", *failures, sep="\n")
    if arguments.write and not failures:
        page.write_part(arguments.write, "load", "\n".join(lines))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
