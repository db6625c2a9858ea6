"""Every process of a run, in every phase, struck by every fault: what becomes of the run, and what is left of it.

A combination is named ROLE.END/PHASE/FAULT, and /LOAD unless it is the plain one.
"""

import argparse
import fnmatch
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import page
from combinations import PHASES, combinations, needs_root, short_selection
from stage import Damage, Wrong
from strike import Strike


def run_all(pingperf, inject, chosen, jobs):
    """(outcome, errors) of each combination that is as it must be, in their order, and how many of them only at the
    second try. What a busy machine may excuse is tried once more, with nothing beside it; damage is not."""
    outcomes, damaged = {}, set()

    def one(c):
        try:
            outcomes[c] = Strike(pingperf, inject, c).outcome()
        except Exception as e:  # whatever it is, the others go on
            print(f"WRONG {c}: {e if isinstance(e, Wrong) else repr(e)}", flush=True)
            if isinstance(e, Damage):
                damaged.add(c)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, chosen))
    again = [c for c in chosen if c not in outcomes and c not in damaged]
    for c in again:
        print(f"once more: {c}", flush=True)
        one(c)
    return {c: outcomes[c] for c in chosen if c in outcomes}, sum(c in outcomes for c in again)


# ---- The table


def who(c):
    if c.role == "controller":
        return "controller, in a lab" if c.load == "lab" else "controller"
    if c.role != "worker" or c.load == "bulk" and c.fault != "port stolen":
        return c.role
    return f"worker, {c.load if c.load != 'bulk' else 'TCP'}"


def table(outcomes):
    """A row for who is struck and the fault, a column for the phase; client / server where the two differ."""
    cells = {}
    for c, outcome in outcomes.items():
        row = cells.setdefault((who(c), c.fault), {})
        row.setdefault(c.phase, {})[outcome] = None  # a set in order
    lines = ["| who | fault | " + " | ".join(PHASES) + " |", "|---" * (2 + len(PHASES)) + "|"]
    for (name, fault), row in cells.items():
        lines.append(f"| {name} | {fault} | " + " | ".join(" / ".join(row.get(phase, "")) for phase in PHASES) + " |")
    return "\n".join(lines)


def combinations_of(text):
    """What a table has outcomes of: (who, fault, phase)."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {(*row[:2], phase) for row in rows[1:] for phase, outcome in zip(PHASES, row[2:]) if outcome}


def check_page(file):
    """The committed table is of the combinations of this suite. Returns the exit status."""
    committed = page.part_of(file.read_text(), "matrix")
    everything = list(combinations())
    difference = combinations_of(committed) ^ combinations_of(table({c: "x" for c in everything}))
    if not difference and f"{len(everything)} combinations" in committed:
        return 0
    print(f"the table is not of these {len(everything)} combinations, run tools/faults matrix --write: "
          f"{sorted(difference)[:5]}")
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("inject", type=os.path.abspath)
    parser.add_argument("--short", action="store_true", help="each role, end, load and fault in one phase")
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--list", action="store_true", help="print the combinations, run nothing")
    page.add_write(parser)
    parser.add_argument("--check", action="store_true", help="is the committed table of these combinations?")
    arguments = parser.parse_args()
    if arguments.check:
        return check_page(page.PAGE)
    chosen = short_selection() if arguments.short else list(combinations())
    chosen = [c for c in chosen if fnmatch.fnmatch(str(c), arguments.only)]
    if os.geteuid() != 0:
        chosen = [c for c in chosen if not needs_root(c)]
        print("not run: labs and the full disk, which need root")
    if arguments.list:
        print(*chosen, f"{len(chosen)} combinations", sep="\n")
        return 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    begin = time.monotonic()
    outcomes, again = run_all(arguments.pingperf, arguments.inject, chosen, arguments.jobs)
    for c, (outcome, errors) in outcomes.items():
        print(f"{str(c):<60} {outcome:<12} {errors}".rstrip())
    took_s = time.monotonic() - begin
    print(f"{len(outcomes)} of {len(chosen)} combinations as they must be, in {took_s:.0f} s")
    if arguments.write and len(outcomes) == len(list(combinations())):
        text = table({c: outcome for c, (outcome, _) in outcomes.items()})
        second = f" ({again} at the second try)" if again else ""
        count = f"{len(chosen)} combinations, all as they must be{second}, in {took_s:.0f} s."
        page.write_part(arguments.write, "matrix", f"{count}\n\n{text}")
    elif arguments.write:
        print("not written: the table is of all combinations")
    return 0 if len(outcomes) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
