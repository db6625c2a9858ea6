"""Injects every fault into every process of a run in every phase, and checks the outcome.

The name of a combination is ROLE.END/PHASE/FAULT, with /LOAD unless the load is bulk.
"""

import argparse
import fnmatch
import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import page
from combinations import PHASES, combinations, needs_root, short_selection
from stage import Damage, Wrong
from strike import Strike


def run_all(pingperf, inject, chosen, jobs):
    """Returns {combination: (outcome, errors)} of the correct combinations, in their order, and the
    number of combinations that required a second attempt.

    The second attempt runs alone, because a busy machine can cause an error.
    Damage to data has no second attempt.
    """
    outcomes, damaged = {}, set()

    def one(c):
        try:
            outcomes[c] = Strike(pingperf, inject, c).outcome()
        except Exception as e:  # the other combinations continue
            print(f"WRONG {c}: {e if isinstance(e, Wrong) else repr(e)}", flush=True)
            if isinstance(e, Damage):
                damaged.add(c)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, chosen))
    again = [c for c in chosen if c not in outcomes and c not in damaged]
    for c in again:
        print(f"second attempt: {c}", flush=True)
        one(c)
    return {c: outcomes[c] for c in chosen if c in outcomes}, sum(c in outcomes for c in again)


def why_no_xdp(pingperf):
    """Returns why this host cannot run engine xdp, or an empty text."""
    listed = subprocess.run([pingperf, "engines", "--format", "json"], check=True, stdout=subprocess.PIPE).stdout
    return next(row["unavailable"] or "" for row in json.loads(listed) if row["name"] == "xdp")


# ---- The table


def process_of(c):
    if c.role in ("command", "daemon"):
        return f"{c.role} of a program"
    if c.load in ("program", "xdp"):
        return f"{c.role}, {c.load}"
    if c.role == "controller":
        return "controller, in a lab" if c.load == "lab" else "controller"
    if c.role != "worker" or c.load == "bulk" and c.fault != "port stolen":
        return c.role
    return f"worker, {c.load if c.load != 'bulk' else 'TCP'}"


def table(outcomes):
    """One row per process and fault, one column per phase; client / server if they differ."""
    cells = {}
    for c, outcome in outcomes.items():
        row = cells.setdefault((process_of(c), c.fault), {})
        row.setdefault(c.phase, {})[outcome] = None  # an ordered set
    lines = ["| process | fault | " + " | ".join(PHASES) + " |", "|---" * (2 + len(PHASES)) + "|"]
    for (name, fault), row in cells.items():
        lines.append(f"| {name} | {fault} | " + " | ".join(" / ".join(row.get(phase, "")) for phase in PHASES) + " |")
    return "\n".join(lines)


def combinations_of(text):
    """Returns the (process, fault, phase) that have an outcome in the table."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {(*row[:2], phase) for row in rows[1:] for phase, outcome in zip(PHASES, row[2:]) if outcome}


def check_page(file):
    """Compares the combinations of the committed table and the suite. Returns the exit status."""
    committed = page.part_of(file.read_text(), "matrix")
    everything = list(combinations())
    difference = combinations_of(committed) ^ combinations_of(table({c: "x" for c in everything}))
    if not difference and f"{len(everything)} combinations" in committed:
        return 0
    print(f"the table does not have these {len(everything)} combinations, run tools/faults matrix --write: "
          f"{sorted(difference)[:5]}")
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("inject", type=os.path.abspath)
    parser.add_argument("--short", action="store_true", help="one phase per role, end, load and fault")
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--list", action="store_true", help="print the combinations, run nothing")
    page.add_write(parser)
    parser.add_argument("--check", action="store_true", help="compare the committed table with the combinations")
    arguments = parser.parse_args()
    if arguments.check:
        return check_page(page.PAGE)
    chosen = short_selection() if arguments.short else list(combinations())
    chosen = [c for c in chosen if fnmatch.fnmatch(str(c), arguments.only)]
    if os.geteuid() != 0:
        chosen = [c for c in chosen if not needs_root(c)]
        print("omitted: labs and the full disk require root")
    elif why := why_no_xdp(arguments.pingperf):
        chosen = [c for c in chosen if c.load != "xdp"]
        print(f"omitted: engine xdp is not available: {why}")
    if arguments.list:
        print(*chosen, f"{len(chosen)} combinations", sep="\n")
        return 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    begin = time.monotonic()
    outcomes, again = run_all(arguments.pingperf, arguments.inject, chosen, arguments.jobs)
    for c, (outcome, errors) in outcomes.items():
        print(f"{str(c):<60} {outcome:<12} {errors}".rstrip())
    took_s = time.monotonic() - begin
    print(f"{len(outcomes)} of {len(chosen)} combinations correct, in {took_s:.0f} s")
    if arguments.write and len(outcomes) == len(list(combinations())):
        text = table({c: outcome for c, (outcome, _) in outcomes.items()})
        second = f" ({again} at the second attempt)" if again else ""
        count = f"{len(chosen)} combinations, all correct{second}, in {took_s:.0f} s."
        page.write_part(arguments.write, "matrix", f"{count}\n\n{text}")
    elif arguments.write:
        print("not written: the table requires all combinations")
    return 0 if len(outcomes) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
