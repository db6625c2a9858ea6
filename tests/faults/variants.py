"""Strikes a run with variants at every step of a switch, and checks that the system is as before.

The hosts are two network namespaces. The name of a combination is KIND/PROCESS/STEP/FAULT, where
KIND is what the variant changes. After a strike at all processes together, what remains is what the
journals say, and the next pingperf undoes it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys

from hosts import Hosts, difference
from stage import Damage, Wrong
from suite import Suite
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


# ---- The table

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


def shape_of(text):
    """Returns the set of the rows of a table, with "x" in each cell that has an outcome."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {(*row[:3], *("x" if cell else "" for cell in row[3:])) for row in rows}


def missing_tools():
    """Returns why the suite cannot run here, or ""."""
    if os.geteuid() != 0:
        return "requires root"
    missing = [name for name in ("ip", "nft", "ethtool", "tc", "sysctl", "nsenter") if not shutil.which(name)]
    return f"requires {', '.join(missing)}" if missing else ""


def check_others(suite):
    """Runs the other checks that are selected. Returns false if one fails."""
    pingperf, inject = suite.arguments.pingperf, suite.arguments.inject
    every = 9 if suite.arguments.short else 1
    is_well = True
    for name, check in {"two controllers": lambda: check_two_controllers(pingperf, inject),
                        "torn journals": lambda: check_torn_journals(pingperf, inject, every)}.items():
        if not suite.selects(name):
            continue
        try:
            print(f"{name}: {check()}")
        except Exception as e:  # the other check continues
            print(f"WRONG {name}: {e if isinstance(e, Wrong) else repr(e)}")
            is_well = False
    return is_well


def main():
    suite = Suite("variants", __doc__, combinations, short_selection, "one combination per kind and process", jobs=6)
    if suite.arguments.check:
        return suite.check_page(table, shape_of)
    if suite.arguments.list:
        return suite.list()
    if reason := missing_tools():
        print(f"skipped: {reason}")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    suite.run(lambda c, number: Strike(suite.arguments.pingperf, suite.arguments.inject, c, number).outcome())
    return suite.finish(table, check_others(suite))


if __name__ == "__main__":
    sys.exit(main())
