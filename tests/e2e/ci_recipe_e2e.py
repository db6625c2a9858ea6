"""The recipe of docs/ci.md for a program in a repository of its own: the version of the base commit and
that of a pull request are built in worktrees and run in one plan.

Usage: ci_recipe_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import support
from support import SOURCE, pingperf, read_table

MAKEFILE = """CFLAGS = -O2
all: bulk_client bulk_server
"""
SHORT = ["--set", "defaults.duration=200ms", "--set", "defaults.warmup=50ms", "--set", "plan.cooldown=0ms"]


@unittest.skipUnless(all(map(shutil.which, ("git", "cc", "make"))), "needs git, cc and make")
class Recipe(support.EndToEnd):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.repository = Path(folder.name)
        self.git("init", "-q")
        for name in ("bulk_client.c", "bulk_server.c"):
            shutil.copy(SOURCE / "examples" / name, self.repository)
        self.commit(MAKEFILE)

    def git(self, *arguments):
        settings = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        return subprocess.run(["git", *settings, *arguments], cwd=self.repository, check=True,
                              capture_output=True, text=True).stdout.strip()

    def commit(self, makefile):
        """Commits a Makefile, and returns the commit."""
        (self.repository / "Makefile").write_text(makefile)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "version", "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def compare(self, makefile, repetitions, *arguments):
        """Compares the first version with one that has this Makefile. Returns what the job would."""
        base = self.git("rev-parse", "HEAD")
        for side, commit in (("base", base), ("new", self.commit(makefile))):
            self.git("worktree", "add", "-q", side, commit)
            subprocess.run(["make", "-s", "-C", side], cwd=self.repository, check=True)
        (self.repository / "configs").mkdir()
        shutil.copy(SOURCE / "configs/ci-my-program.yaml", self.repository / "configs")
        return pingperf("run", "configs/ci-my-program.yaml", "-q", "-o", "results", *SHORT,
                        "--set", f"plan.repetitions={repetitions}", *arguments, cwd=self.repository)


class Outcomes(Recipe):
    def test_an_equal_pull_request_passes(self):
        done = self.compare(MAKEFILE, 4)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        trials = read_table(self.repository / "results/ci-my-program/latest/trials.csv")
        self.assertEqual(list(trials.status), ["ok"] * 12)

    def test_a_pull_request_that_crashes_has_failed_rows(self):
        (self.repository / "bulk_client.c").write_text("int main() { __builtin_trap(); }\n")
        done = self.compare(MAKEFILE, 1)
        self.assertIn(done.returncode, (1, 3), done.stderr)  # 1: a gate without any value fails
        trials = read_table(self.repository / "results/ci-my-program/latest/trials.csv")
        self.assertEqual(dict(zip(trials.engine, trials.status)),
                         {"base": "ok", "new": "failed", "iperf3": "ok"})


class Judged(Recipe):
    def test_a_slow_pull_request_fails(self):
        # Without iperf3, whose trials take whole seconds.
        done = self.compare(MAKEFILE + "CFLAGS += -DSLOW\n", 8, "--only", "*=base", "--only", "*=new")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("gate failed: bulk/engine=new throughput_bps", done.stderr)
        self.assertIn("failed", done.stdout)


if __name__ == "__main__":
    support.main()
