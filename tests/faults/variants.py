"""Strikes a run with variants at every step of a switch, and checks that the system is as before.

The hosts are two network namespaces. The name of a combination is KIND/PROCESS/STEP/FAULT, where
KIND is what the variant changes. After a strike at all processes together, what remains is what the
journals say, and the next pingperf undoes it.
"""

import argparse
import fnmatch
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import page
from hosts import Hosts, difference
from stage import Damage, Wrong
from variant_combinations import BLOCKS, FIN_TIMEOUT, RMEM, combinations, experiment_of, short_selection
from variant_strike import OTHER, Strike, VariantStage, kill_together

# ---- Other checks


def check_two_controllers(pingperf, inject):
    """A second run with changes is refused, one without is not, and neither disturbs the first."""
    with Hosts() as hosts, VariantStage(pingperf, inject, "settings", hosts) as stage:
        before, found = hosts.snapshot(), []

        def on_step(step, end, pid):
            if step == "switched" and end == "client" and not found:
                changed = hosts.snapshot()
                twin = stage.write_experiment("twin", {**experiment_of("settings"), "hosts": {}})
                found.append(stage.command_line("run", "-o", stage.folder / "twin", twin))
                other = stage.write_experiment("other", OTHER)
                found.append(stage.command_line("run", "-o", stage.folder / "other", other))
                found.append(stage.command_line("doctor", "--clean", other))
                found.append(difference(changed, hosts.snapshot()))

        stage.on_step = on_step
        status = stage.run()
        (twin, error), (other, _), (doctor, _), changed = found
        if twin != 2 or "another run" not in error or (stage.folder / "twin").exists():
            raise Wrong(f"the second run ended with {twin}: {error}")
        if other != 0 or doctor != 0 or changed:
            raise Wrong(f"another run ended with {other}, doctor with {doctor}; changed: {changed}")
        rows = [row["status"] for row in stage.rows()]
        if status != 0 or rows != ["ok"] * 2 * BLOCKS:
            raise Wrong(f"the first run ended with {status}: {rows}")
        if difference(before, hosts.snapshot()):
            raise Damage("the system is not as before")
    return "the second exited with 2"


def check_torn_journals(pingperf, inject, every):
    """Recovers a journal that is cut in its last line, at every byte or at every so many."""
    with Hosts() as hosts, VariantStage(pingperf, inject, "settings", hosts) as stage:
        before = hosts.snapshot()

        def on_step(step, end, pid):
            if (step, end) == ("journal 3", "server"):  # the step of the second sysctl is half written
                os.kill(stage.agents["server"], signal.SIGSTOP)
                texts.append(hosts.journals("server")[0].read_text())
                changed.append(hosts.snapshot())
                kill_together([stage.controller.pid, *stage.agents.values()])

        texts, changed = [], []
        stage.on_step = on_step
        stage.run()
        stage.check_nothing_is_left()
        journal, = hosts.journals("server")
        first = texts[0].split("\n", 1)[0]
        steps = hosts.steps("server")
        whole_lines = texts[0][:texts[0].rindex("\n") + 1]
        # The step of the second sysctl, as the agent would have written it.
        second = first.replace(RMEM.replace(".", "/"), FIN_TIMEOUT.replace(".", "/")).replace(
            json.dumps(steps[0]["content"]), json.dumps(before[("server", "sysctl", FIN_TIMEOUT)])) + "\n"
        if not second.startswith(texts[0][len(whole_lines):]):
            raise Wrong(f"the journal is not as expected: {texts[0]}")
        value = difference(before, changed[0])[("server", "sysctl", RMEM)][1]
        cuts = range(0, len(second) + 1, every)
        version = subprocess.run([pingperf, "--version"], stdout=subprocess.PIPE, check=True, text=True)
        hello = json.dumps({"type": "hello", "version": version.stdout.split()[1]}).encode() + b"\n"
        for cut in cuts:
            subprocess.run([*hosts.enter("server"), "sysctl", "-qw", f"{RMEM}={value}"], check=True)
            journal.write_text(whole_lines + second[:cut])
            agent = subprocess.run([*hosts.enter("server"), pingperf, "agent"], input=hello,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=20)
            if agent.returncode != 0 or journal.exists():
                raise Wrong(f"cut at byte {cut}: exit status {agent.returncode}, {agent.stderr.decode()}")
            now = subprocess.run([*hosts.enter("server"), "sysctl", "-n", RMEM], stdout=subprocess.PIPE, check=True)
            if now.stdout.decode().strip() != before[("server", "sysctl", RMEM)]:
                raise Damage(f"cut at byte {cut}: {RMEM} is {now.stdout.decode()}")
        if difference(before, hosts.snapshot()):
            raise Damage("the system is not as before")
    return f"{len(cuts)} cuts recovered"


# ---- Main


MAX_SECOND_ATTEMPTS = 20


def run_all(pingperf, inject, chosen, jobs):
    """Returns {combination: (outcome, errors)} of the correct ones, and how many required a second attempt."""
    outcomes, damaged = {}, set()

    def one(number):
        c = chosen[number]
        try:
            outcomes[c] = Strike(pingperf, inject, c, number).outcome()
        except Exception as e:  # the other combinations continue
            print(f"WRONG {c}: {e if isinstance(e, Wrong) else repr(e)}", flush=True)
            if isinstance(e, Damage):
                damaged.add(c)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            list(pool.map(one, range(len(chosen))))
        except BaseException:  # a signal to the suite
            pool.shutdown(cancel_futures=True)
            raise
    again = [number for number, c in enumerate(chosen) if c not in outcomes and c not in damaged]
    for number in again[:MAX_SECOND_ATTEMPTS]:
        print(f"second attempt: {chosen[number]}", flush=True)
        one(number)
    return {c: outcomes[c] for c in chosen if c in outcomes}, sum(chosen[n] in outcomes for n in again)


COLUMNS = ("request", "journal", "setup", "switched", "service", "settle", "trial", "record", "stop", "undo",
           "teardown", "undo journal", "end")


def table(outcomes):
    """One row per kind, process and fault, one column per step."""
    cells = {}
    for c, outcome in outcomes.items():
        row = cells.setdefault((c.kind, c.process, c.fault), {})
        row.setdefault(c.step.rstrip("0123456789 "), {})[outcome] = None  # an ordered set
    lines = ["| variant | process | fault | " + " | ".join(COLUMNS) + " |", "|---" * (3 + len(COLUMNS)) + "|"]
    for names, row in cells.items():
        outcomes_of_row = (" / ".join(row.get(step, "")) for step in COLUMNS)
        lines.append(f"| {' | '.join((*names, *outcomes_of_row))} |")
    return "\n".join(lines)


def check_page(file):
    """Compares the combinations of the committed table and the suite. Returns the exit status."""
    committed = page.part_of(file.read_text(), "variants")
    everything = list(combinations())
    expected = table({c: "x" for c in everything})
    is_same = shape_of(committed) == shape_of(expected) and f"{len(everything)} combinations" in committed
    if not is_same:
        print(f"the table does not have these {len(everything)} combinations, run tools/faults variants --write")
    return 0 if is_same else 1


def shape_of(text):
    """Returns the rows of a table with "x" in each cell that has an outcome."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return [row[:3] + ["x" if cell else "" for cell in row[3:]] for row in rows]


def missing_tools():
    """Returns why the suite cannot run here, or ""."""
    if os.geteuid() != 0:
        return "requires root"
    missing = [name for name in ("ip", "nft", "ethtool", "tc", "sysctl", "nsenter") if not shutil.which(name)]
    return f"requires {', '.join(missing)}" if missing else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("inject", type=os.path.abspath)
    parser.add_argument("--short", action="store_true", help="one combination per kind and process")
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--list", action="store_true", help="print the combinations, run nothing")
    page.add_write(parser)
    parser.add_argument("--check", action="store_true", help="compare the committed table with the combinations")
    arguments = parser.parse_args()
    if arguments.check:
        return check_page(page.PAGE)
    chosen = short_selection() if arguments.short else list(combinations())
    chosen = [c for c in chosen if fnmatch.fnmatch(str(c), arguments.only)]
    if arguments.list:
        print(*chosen, f"{len(chosen)} combinations", sep="\n")
        return 0
    if reason := missing_tools():
        print(f"skipped: {reason}")
        return 77
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    begin = time.monotonic()
    outcomes, again = run_all(arguments.pingperf, arguments.inject, chosen, arguments.jobs)
    for c, (outcome, errors) in outcomes.items():
        print(f"{str(c):<60} {outcome:<12} {errors[:100]}".rstrip())
    checks = 0
    for name, check in {"two controllers": lambda: check_two_controllers(arguments.pingperf, arguments.inject),
                        "torn journals": lambda: check_torn_journals(arguments.pingperf, arguments.inject,
                                                                     9 if arguments.short else 1)}.items():
        if not fnmatch.fnmatch(name, arguments.only):
            checks += 1
            continue
        try:
            print(f"{name}: {check()}")
            checks += 1
        except Exception as e:  # the other check continues
            print(f"WRONG {name}: {e if isinstance(e, Wrong) else repr(e)}")
    took_s = time.monotonic() - begin
    print(f"{len(outcomes)} of {len(chosen)} combinations correct, in {took_s:.0f} s")
    is_well = len(outcomes) == len(chosen) and checks == 2
    if arguments.write and is_well and len(chosen) == len(list(combinations())):
        text = table({c: outcome for c, (outcome, _) in outcomes.items()})
        second = f" ({again} at the second attempt)" if again else ""
        page.write_part(arguments.write, "variants",
                        f"{len(chosen)} combinations, all correct{second}, in {took_s:.0f} s.\n\n{text}")
    elif arguments.write:
        print("not written: the table requires all combinations")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
