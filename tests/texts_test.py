"""What is installed beside the program, tried by the programs that read it: the completion in real bash,
zsh and fish, the manual pages in man and mandoc. What is not installed here is skipped with the reason.

Usage: texts_test.py PATH_OF_PINGPERF BUILD_DIRECTORY
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop(2)).resolve()
PINGPERF = Path(sys.argv.pop(1)).resolve()
TEXTS = BUILD / "tools"


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


class Folder(unittest.TestCase):
    """In a folder with two experiments, a directory and a file of another kind."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "configs").mkdir()
        for name in ("one.yaml", "two.yml", "notes.txt", "with space.yaml"):
            (self.folder / name).touch()

    def typed(self, shell, line, environment=None):
        """What an interactive shell shows after `line` was typed into it, on a terminal."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.environ.update({"TERM": "xterm", "PS1": "$ ", "HOME": str(self.folder), "ZDOTDIR": str(self.folder),
                               "PATH": f"{PINGPERF.parent}:{os.environ['PATH']}"})
            os.execvp(shell[0], shell)
        shown = b""

        def read_until(pattern, seconds=10):
            nonlocal shown
            end = time.monotonic() + seconds
            while not re.search(pattern, shown) and time.monotonic() < end:
                if select.select([terminal], [], [], 0.05)[0]:
                    try:
                        shown += os.read(terminal, 4096)
                    except OSError:
                        return
        try:
            for sent, pattern in line:
                shown = b""
                os.write(terminal, sent.encode())
                read_until(pattern.encode())
        finally:
            os.close(terminal)
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode(errors="replace"))


class Bash(Folder):
    def complete(self, *words):
        """The completions of the last word, as bash splits the line."""
        script = (f"source {TEXTS}/pingperf.bash; COMP_WORDS=(pingperf \"$@\"); COMP_CWORD=$#; "
                  "_pingperf; printf '%s\\n' \"${COMPREPLY[@]}\"")
        done = subprocess.run(["bash", "-c", script, "bash", *words], cwd=self.folder, timeout=20,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return {line for line in done.stdout.splitlines() if line}

    def test_commands_and_options(self):
        commands = self.complete("")
        self.assertLessEqual({"run", "check", "doctor", "schema", "ping", "--version"}, commands)
        self.assertFalse(commands & {"worker", "manual", "completion"})
        self.assertEqual(self.complete("che"), {"check"})
        self.assertLessEqual({"--set", "--only", "--quiet", "-q", "--resume"}, self.complete("run", "-"))
        self.assertEqual(self.complete("doctor", "--cl"), {"--clean"})

    def test_values(self):
        self.assertEqual(self.complete("ping", "--transport", "u"), {"udp", "unix"})
        self.assertEqual(self.complete("compare", "--format", ""), {"table", "markdown", "csv", "json", "junit"})
        self.assertEqual(self.complete("run", "--format", "=", "j"), {"json"})
        self.assertEqual(self.complete("run", "--format", "="), {"table", "json"})
        self.assertIn("rtt_p99_ns", self.complete("compare", "--metric", "rtt_"))
        self.assertEqual(self.complete("run", "--set", "x"), set())

    def test_files(self):
        experiments = {"one.yaml", "two.yml", "with space.yaml", "configs"}
        self.assertEqual(self.complete("run", ""), experiments)
        self.assertEqual(self.complete("check", "one.yaml", ""), experiments)
        self.assertEqual(self.complete("run", "-o", ""), {"configs"})
        self.assertEqual(self.complete("export", "c"), {"configs"})

    def test_on_a_terminal(self):
        shown = self.typed(["bash", "--norc", "-i"],
                           [("", r"\$ "), (f"source {TEXTS}/pingperf.bash\n", r"bash\r\n.*\$ "),
                            ("pingperf doc\t", "doctor "), ("--format js\t", "json ")])
        self.assertIn("json ", shown)


@needs("zsh")
class Zsh(Folder):
    def test_on_a_terminal(self):
        start = f"autoload -Uz compinit; compinit -u -D; source {TEXTS}/_pingperf; echo re''ady\n"
        for typed, expected in (("pingperf doc\t", "doctor"), ("pingperf ping --transport ud\t", "udp"),
                                ("pingperf check on\t", "one.yaml"), ("pingperf run --qu\t", "quiet")):
            with self.subTest(typed=typed):
                shown = self.typed(["zsh", "-f", "-i"], [("", "[%#$] "), (start, "ready\r"),
                                                         (typed, expected)])
                self.assertIn(expected, shown)


@needs("fish")
class Fish(Folder):
    def complete(self, line):
        script = f"source {TEXTS}/pingperf.fish; complete -C '{line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], cwd=self.folder, timeout=20,
                              capture_output=True, text=True, env={**os.environ, "HOME": str(self.folder)})
        self.assertEqual(done.stderr, "")
        return {entry.split("\t")[0] for entry in done.stdout.splitlines()}

    def test_commands_options_values_and_files(self):
        self.assertEqual(self.complete("pingperf doc"), {"doctor"})
        self.assertLessEqual({"--set", "--only"}, self.complete("pingperf run --"))
        self.assertEqual(self.complete("pingperf ping --transport u"), {"udp", "unix"})
        self.assertIn("one.yaml", self.complete("pingperf run "))


class Manual(unittest.TestCase):
    PAGES = [TEXTS / "pingperf.1", TEXTS / "pingperf-experiment.5"]

    def test_every_command_and_parameter_is_there(self):
        commands, experiment = (page.read_text() for page in self.PAGES)
        for word in ("doctor", "compare", "--fail-on", "openmetrics"):
            self.assertIn(word.replace("-", r"\-"), commands)
        self.assertNotIn("worker", commands)
        for word in ("message_size", "relative_ci", "io_uring", "pacing_timer", "reorder"):
            self.assertIn(word, experiment)

    @needs("groff")
    def test_groff_has_no_warning(self):
        for page in self.PAGES:
            done = subprocess.run(["groff", "-Kutf8", "-mandoc", "-Tutf8", "-ww", "-rLL=78n", page], capture_output=True,
                                  text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertGreater(len(done.stdout.splitlines()), 200)

    @needs("man")
    def test_man_shows_them(self):
        for page in self.PAGES:
            done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True,
                                  env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("SEE ALSO", done.stdout)

    @needs("mandoc")
    def test_mandoc_has_no_warning(self):
        for page in self.PAGES:
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
            lines = [line for line in done.stdout.splitlines() if "missing date" not in line]
            self.assertEqual(lines, [])


class Install(unittest.TestCase):
    def test_everything_is_where_the_system_looks_for_it(self):
        with tempfile.TemporaryDirectory() as prefix:
            subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
            for file in ("bin/pingperf", "share/man/man1/pingperf.1", "share/man/man5/pingperf-experiment.5",
                         "share/bash-completion/completions/pingperf.bash",
                         "share/zsh/site-functions/_pingperf", "share/fish/vendor_completions.d/pingperf.fish"):
                self.assertGreater((Path(prefix) / file).stat().st_size, 500, file)


if __name__ == "__main__":
    unittest.main()
