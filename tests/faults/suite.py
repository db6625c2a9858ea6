"""What the suites of faults.py and variants.py have in common: their arguments, combinations and table."""

import argparse
import fnmatch
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import page
from stage import Damage, Wrong

MAX_SECOND_ATTEMPTS = 20


class Suite:
    """A suite whose combinations are struck several at once. Its table is the part `name` of the page."""

    def __init__(self, name, description, combinations, short_selection, short, jobs):
        self.name, self.everything = name, list(combinations())
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("pingperf", type=os.path.abspath)
        parser.add_argument("inject", type=os.path.abspath)
        parser.add_argument("--short", action="store_true", help=short)
        parser.add_argument("--only", default="*", metavar="GLOB")
        parser.add_argument("--jobs", type=int, default=jobs)
        parser.add_argument("--list", action="store_true", help="print the combinations, run nothing")
        page.add_write(parser)
        parser.add_argument("--check", action="store_true", help="compare the committed table with the combinations")
        self.arguments = parser.parse_args()
        self.chosen = [c for c in (short_selection() if self.arguments.short else self.everything)
                       if self.selects(str(c))]
        self.outcomes = {}

    def selects(self, name):
        return fnmatch.fnmatch(name, self.arguments.only)

    def check_page(self, table, shape):
        """Compares the sets that `shape` makes of the committed table and of this suite's. Returns the exit status."""
        committed = page.part_of(page.PAGE.read_text(), self.name)
        count = f"{len(self.everything)} combinations"
        difference = shape(committed) ^ shape(table({c: "x" for c in self.everything}))
        if not difference and count in committed:
            return 0
        print(f"the table does not have these {count}, run tools/faults {self.name} --write: "
              f"{sorted(difference)[:5]}")
        return 1

    def list(self):
        print(*self.chosen, f"{len(self.chosen)} combinations", sep="\n")
        return 0

    def run(self, strike):
        """Collects the (outcome, errors) of the correct combinations, from strike(combination, its number).

        The second attempt runs alone, because a busy machine can cause an error. Damage to data has no
        second attempt.
        """
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.begin = time.monotonic()
        damaged = set()

        def one(number):
            c = self.chosen[number]
            try:
                self.outcomes[c] = strike(c, number)
            except Exception as e:  # the other combinations continue
                print(f"WRONG {c}: {e if isinstance(e, Wrong) else repr(e)}", flush=True)
                if isinstance(e, Damage):
                    damaged.add(c)

        with ThreadPoolExecutor(self.arguments.jobs) as pool:
            try:
                list(pool.map(one, range(len(self.chosen))))
            except BaseException:  # a signal to the suite
                pool.shutdown(cancel_futures=True)
                raise
        again = [number for number, c in enumerate(self.chosen) if c not in self.outcomes and c not in damaged]
        if len(again) > MAX_SECOND_ATTEMPTS:
            print(f"{len(again) - MAX_SECOND_ATTEMPTS} others have no second attempt", flush=True)
        for number in again[:MAX_SECOND_ATTEMPTS]:
            print(f"second attempt: {self.chosen[number]}", flush=True)
            one(number)
        self.outcomes = {c: self.outcomes[c] for c in self.chosen if c in self.outcomes}
        self.second_attempts = sum(self.chosen[number] in self.outcomes for number in again)
        for c, (outcome, errors) in self.outcomes.items():
            print(f"{str(c):<60} {outcome:<12} {errors}".rstrip())

    def finish(self, table, others_are_well=True):
        """Prints the number of correct combinations, and writes the table. Returns the exit status."""
        took_s = time.monotonic() - self.begin
        print(f"{len(self.outcomes)} of {len(self.chosen)} combinations correct, in {took_s:.0f} s")
        is_well = len(self.outcomes) == len(self.chosen) and others_are_well
        if self.arguments.write and is_well and len(self.chosen) == len(self.everything):
            second = f" ({self.second_attempts} at the second attempt)" if self.second_attempts else ""
            text = table({c: outcome for c, (outcome, _) in self.outcomes.items()})
            page.write_part(self.arguments.write, self.name,
                            f"{len(self.chosen)} combinations, all correct{second}, in {took_s:.0f} s.\n\n{text}")
        elif self.arguments.write:
            print("not written: the table requires all combinations")
        return 0 if is_well else 1
