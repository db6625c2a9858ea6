"""Runs every engine over every transport under valgrind's memcheck.

Memcheck reports invalid accesses, leaks, and descriptors that the controller and its agents leave
open. Workers end by _exit() while their endpoint is in use. So their descriptors are not checked,
and only memory without a pointer to it is a leak. The table lists the engines that this host cannot
run.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import page

EXPERIMENT = Path(__file__).parents[1] / "e2e/every_engine.yaml"
ROLES = ("run", "agent", "worker")
ERROR = re.compile(r"^==\d+== (Invalid|Conditional jump|Use of uninit|Syscall param|Mismatched|Source and dest|"
                   r"Process terminating|\d[\d,]* (?:\([^)]*\) )?bytes in \d+ blocks are (?:definitely|indirectly))")
OPEN = re.compile(r"^==\d+== Open (?:file descriptor|\w+ socket) (\d+):?(.*)")


def command_of(pingperf, inject, logs, arguments):
    return ["valgrind", "--trace-children=yes", "--trace-children-skip=*/tc,*/ip,*/ethtool,*sh", "--track-fds=yes",
            "--leak-check=full", "--show-leak-kinds=definite,indirect", "--vgdb=no",
            f"--suppressions={Path(__file__).with_name('memcheck.supp')}", f"--log-file={logs}/%p",
            "env", f"LD_PRELOAD={inject}", "PINGPERF_FAULT_MEMCHECK=1", pingperf, *arguments]


def role_of(text):
    """Returns the role of a log's process, or None if it executed another program."""
    found = re.search(r"^==\d+== Command: \S+(?:/pingperf|/proc/self/exe|/exe) (\w+)", text, re.M)
    return found.group(1) if found and "ERROR SUMMARY" in text else None


def left_open(text):
    """Returns the open descriptors, without inherited ones and valgrind's own."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        match = OPEN.match(line)
        is_inherited = number + 1 < len(lines) and "<inherited from parent>" in lines[number + 1]
        if match and not is_inherited and int(match.group(1)) > 2:
            found.append(line.partition("== ")[2])
    return found


def read_logs(logs):
    """Returns {role: Counter of processes, errors, descriptors} and the findings as lines."""
    counts, findings = {role: Counter() for role in ROLES}, []
    for log in logs:
        text = log.read_text(errors="replace")
        role = role_of(text)
        if role not in counts:
            continue
        errors = [line for line in text.splitlines() if ERROR.match(line)]
        files = left_open(text) if role != "worker" else []
        counts[role] += Counter(processes=1, errors=len(errors), descriptors=len(files))
        if errors or files:
            findings.append("\n".join([f"{role} {log.name}:", *files, *(text.splitlines() if errors else [])]))
    return counts, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("inject", type=os.path.abspath)
    page.add_write(parser)
    arguments = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="memcheck-") as folder:
        folder = Path(folder)
        (folder / "logs").mkdir()
        subprocess.run(command_of(arguments.pingperf, arguments.inject, folder / "logs",
                                  ["run", "-q", "-o", folder / "results", EXPERIMENT]),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=3000)
        counts, findings = read_logs(sorted((folder / "logs").iterdir()))
        with open(folder / "results/every-engine/latest/trials.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    refused = Counter((row["engine"], row["error"].partition(": ")[2]) for row in rows if row["status"] == "refused")
    bad = [row for row in rows if row["status"] not in ("ok", "refused")]
    lines = ["| process | number | invalid or leaked | descriptors left open |", "|---|---|---|---|"]
    lines += [f"| {role} | {c['processes']} | {c['errors']} | {c['descriptors'] if role != 'worker' else ''} |"
              for role, c in counts.items()]
    lines += ["", f"{len(rows) - sum(refused.values()) - len(bad)} trials in {time.monotonic() - begin:.0f} s."]
    lines += [f"Refused on this host: {count} trials of `{engine}` ({error})."
              for (engine, error), count in refused.items()]
    text = "\n".join(lines)
    print(*findings, *(f"{row['status']} {row['case']}: {row['error']}" for row in bad), text, sep="\n")
    if arguments.write:
        page.write_part(arguments.write, "memcheck", text)
    wrong = findings or bad or not all(c["processes"] for c in counts.values())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
