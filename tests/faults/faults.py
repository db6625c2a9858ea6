"""Injects every fault into every process of a run in every phase, and checks the outcome.

The name of a combination is ROLE.END/PHASE/FAULT, with /LOAD unless the load is bulk.
"""

import json
import os
import subprocess
import sys

from combinations import PHASES, combinations, needs_root, short_selection
from strike import Strike
from suite import Suite


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


def main():
    suite = Suite("matrix", __doc__, combinations, short_selection, "one phase per role, end, load and fault", jobs=8)
    pingperf, inject = suite.arguments.pingperf, suite.arguments.inject
    if suite.arguments.check:
        return suite.check_page(table, combinations_of)
    if os.geteuid() != 0:
        suite.chosen = [c for c in suite.chosen if not needs_root(c)]
        print("omitted: labs and the full disk require root")
    elif why := why_no_xdp(pingperf):
        suite.chosen = [c for c in suite.chosen if c.load != "xdp"]
        print(f"omitted: engine xdp is not available: {why}")
    if suite.arguments.list:
        return suite.list()
    suite.run(lambda c, number: Strike(pingperf, inject, c).outcome())
    return suite.finish(table)


if __name__ == "__main__":
    sys.exit(main())
