"""Tests what is installed beside the program with the programs that read it: the completion in bash, zsh and fish, the
manual pages in man, groff and mandoc. Skips a program that is not installed.

Usage: texts_test.py PATH_OF_PINGPERF BUILD_DIRECTORY
"""

import json
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
SOURCE = Path(__file__).resolve().parent.parent
COMPLETIONS = SOURCE / "tools/completions"
PAGES = [BUILD / "tools/pingperf.1", BUILD / "tools/pingperf-experiment.5"]
ENVIRONMENT = {**os.environ, "PATH": f"{PINGPERF.parent}:{os.environ['PATH']}"}


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def output_of(*command, **options):
    """The output of a command that succeeds and prints no warning."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, **{"env": ENVIRONMENT, **options})
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


class Plurals(unittest.TestCase):
    """A number and its noun are made by counted(), which knows "1 ping"."""

    # Numbers that are never 1: limits, and what is compared with a larger number.
    NEVER_ONE = ("threads of the experiment", "runs are one set", "agents need", "cases on", "cases with",
                 "trials in a row", "of {} hosts are ready", "and {}", "pings/s", "times that of",
                 "bytes went in fragments", "\"this run\"")

    def test_no_text_begins_with_a_number_and_a_plural(self):
        nouns = "|".join("ping trial host case row run block value namespace time datagram session file node "
                         "thread stream byte agent".split())
        plural = re.compile(rf'"(?:[a-z ]+ )?\{{(?::\.0f)?\}} (?:{nouns})s\b')
        for path in sorted([*SOURCE.glob("harness/**/*.cpp"), *SOURCE.glob("tools/*.cpp")]):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if not plural.search(line) or any(text in line for text in self.NEVER_ONE):
                    continue
                with self.subTest(place=f"{path.relative_to(SOURCE)}:{number}"):
                    self.assertRegex(line, r"kMax|at most \{\}|more than \{\}|are more than", line)


class Completion(unittest.TestCase):
    """Completes in a folder with experiments, a directory and a file of another kind."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "configs").mkdir()
        for name in ("one.yaml", "two.yml", "notes.txt", "with space.yaml"):
            (self.folder / name).touch()

    def in_bash(self, *words):
        """The completions of the last word, as bash splits the line."""
        script = (f"source {COMPLETIONS}/pingperf.bash; COMP_WORDS=(pingperf \"$@\"); COMP_CWORD=$#; "
                  "_pingperf pingperf; printf '%s\\n' \"${COMPREPLY[@]}\"")
        return set(filter(None, output_of("bash", "-c", script, "bash", *words, cwd=self.folder).splitlines()))

    def in_fish(self, line):
        script = f"source {COMPLETIONS}/pingperf.fish; complete -C '{line}'"
        lines = output_of("fish", "--no-config", "-c", script, cwd=self.folder,
                          env={**ENVIRONMENT, "HOME": str(self.folder)}).splitlines()
        return {line.split("\t")[0] for line in lines}

    def on_terminal(self, shell, *dialogue):
        """Types each text of (text, pattern) into an interactive shell and returns what it shows last."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe(shell[0], shell, {**ENVIRONMENT, "TERM": "xterm", "PS1": "$ ", "HOME": str(self.folder)})
        try:
            for text, pattern in dialogue:
                shown, end = b"", time.monotonic() + 10
                os.write(terminal, text.encode())
                while not re.search(pattern.encode(), shown) and time.monotonic() < end:
                    if select.select([terminal], [], [], 0.05)[0]:
                        shown += os.read(terminal, 4096)
        finally:
            os.close(terminal)
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode(errors="replace"))

    def test_bash_commands_and_options(self):
        commands = self.in_bash("")
        self.assertLessEqual({"run", "check", "doctor", "schema", "ping", "--version"}, commands)
        self.assertFalse(commands & {"worker", "complete"})
        self.assertEqual(self.in_bash("che"), {"check"})
        self.assertLessEqual({"--set", "--only", "--quiet", "-q", "--resume"}, self.in_bash("run", "-"))
        self.assertEqual(self.in_bash("doctor", "--cl"), {"--clean"})
        self.assertEqual(self.in_bash("no-command", ""), set())
        self.assertEqual(self.in_bash("history", ""), {"add", "list", "show", "export", "prune"})
        self.assertEqual(self.in_bash("history", "prune", "--k"), {"--keep"})

    def test_bash_values(self):
        self.assertEqual(self.in_bash("ping", "--transport", "u"), {"udp", "unix"})
        self.assertEqual(self.in_bash("compare", "--format", ""), {"table", "markdown", "csv", "json", "junit"})
        self.assertEqual(self.in_bash("run", "--format", "=", "j"), {"json", "jsonl"})
        self.assertEqual(self.in_bash("run", "--format", "="), {"table", "json", "jsonl"})
        self.assertIn("rtt_p99_ns", self.in_bash("compare", "--metric", "rtt_"))
        self.assertEqual(self.in_bash("run", "--set", "x"), set())

    def test_bash_files(self):
        experiments = {"one.yaml", "two.yml", "with space.yaml", "configs"}
        self.assertEqual(self.in_bash("run", ""), experiments)
        self.assertEqual(self.in_bash("check", "one.yaml", ""), experiments)
        self.assertEqual(self.in_bash("run", "-o", ""), {"configs"})
        for command in "export", "compare", "report":
            self.assertEqual(self.in_bash(command, "c"), {"configs"})

    def test_bash_on_a_terminal(self):
        shown = self.on_terminal(["bash", "--norc", "-i"], ("", r"\$ "),
                                 (f"source {COMPLETIONS}/pingperf.bash\n", r"bash\r\n.*\$ "),
                                 ("pingperf doc\t", "doctor "), ("--format js\t", "json "))
        self.assertIn("json ", shown)

    @needs("zsh")
    def test_zsh_on_a_terminal(self):
        start = f"autoload -Uz compinit; compinit -u -D; source {COMPLETIONS}/_pingperf; echo re''ady\n"
        for typed, expected in (("pingperf doc\t", "doctor"), ("pingperf ping --transport ud\t", "udp"),
                                ("pingperf check on\t", "one.yaml"), ("pingperf run --qu\t", "quiet"),
                                ("pingperf run --format=js\t", "json"), ("pingperf run --output=co\t", "configs")):
            with self.subTest(typed=typed):
                self.assertIn(expected, self.on_terminal(["zsh", "-f", "-i"], ("", "[%#$] "), (start, "ready\r"),
                                                         (typed, expected)))

    @needs("fish")
    def test_fish(self):
        self.assertEqual(self.in_fish("pingperf doc"), {"doctor"})
        self.assertLessEqual({"--set", "--only"}, self.in_fish("pingperf run --"))
        self.assertEqual(self.in_fish("pingperf ping --transport u"), {"udp", "unix"})
        self.assertEqual(self.in_fish("pingperf ping --transport=u"), {"--transport=udp", "--transport=unix"})
        self.assertIn("one.yaml", self.in_fish("pingperf run "))
        self.assertEqual(self.in_fish("pingperf run -o "), {"configs/"})


class Manual(unittest.TestCase):
    def test_every_command_and_option_is_there(self):
        page = PAGES[0].read_text().replace(r"\-", "-").replace(r"\fB", "\n")
        commands = re.findall(r"^  (\w+) ", output_of(PINGPERF, "--help").split("Subcommands:")[1], re.M)
        self.assertLessEqual({"doctor", "compare", "export"}, set(commands))
        for command in [c for c in commands if c != "history"] + [f"history {c}" for c in ("add", "prune")]:
            section = page.split(f"\n.SS {command}\n")[1].split("\n.S")[0]
            for term in re.findall(r"^  (?:-\w,)?([-A-Z]\S+)", output_of(PINGPERF, *command.split(), "--help"), re.M):
                self.assertTrue(term == "--help" or re.search(rf"[\n ]{re.escape(term)}[\\ ]", section), (command, term))
        for word in ("--fail-on", "openmetrics"):
            self.assertIn(word, page)
        self.assertNotIn("worker", page)

    def test_every_key_and_parameter_is_there(self):
        page = PAGES[1].read_text()
        schema = json.loads(output_of(PINGPERF, "schema"))
        keys = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", [])}
        self.assertLessEqual({"message_size", "relative_ci", "pacing_timer", "reorder"}, keys)
        for key in keys:
            self.assertIn(rf"\fB{key}\fR: ", page)
        self.assertIn("io_uring", page)

    def test_every_file_of_a_run_is_there(self):
        page = PAGES[0].read_text()
        described = (SOURCE / "docs/reading-results.md").read_text()
        files = re.findall(r"^\| `([\w.]+)", described.split("explains every column")[0], re.M)
        self.assertLessEqual({"trials.csv", "counters.csv", "environment.json", "histograms"}, set(files))
        self.assertEqual([file for file in files if file not in page], [])

    @needs("groff")
    def test_groff_has_no_warning(self):
        for page in PAGES:
            shown = output_of("groff", "-Kutf8", "-mandoc", "-Tutf8", "-ww", "-rLL=78n", page)
            self.assertGreater(len(shown.splitlines()), 200)

    @needs("man")
    def test_man_shows_them(self):
        for page in PAGES:
            shown = output_of("man", "--warnings", "-l", page,
                              env={**ENVIRONMENT, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
            self.assertIn("SEE ALSO", shown)

    @needs("mandoc")
    def test_mandoc_has_no_warning(self):
        for page in PAGES:
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
            self.assertEqual([line for line in done.stdout.splitlines() if "missing date" not in line], [])


class Install(unittest.TestCase):
    def test_everything_is_where_the_system_looks_for_it(self):
        with tempfile.TemporaryDirectory() as prefix:
            subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
            for file in ("bin/pingperf", "share/man/man1/pingperf.1", "share/man/man5/pingperf-experiment.5",
                         "share/bash-completion/completions/pingperf.bash",
                         "share/zsh/site-functions/_pingperf", "share/fish/vendor_completions.d/pingperf.fish"):
                self.assertGreater((Path(prefix) / file).stat().st_size, 500, file)
            share = Path(prefix).resolve() / "share/doc/pingperf"
            for file in ("configs/quickstart.yaml", "docs/experiment.schema.json", "docs/programs.md",
                         "results/README.md"):
                self.assertTrue((share / file).is_file(), file)
            done = subprocess.run([f"{prefix}/bin/pingperf", "run"], capture_output=True, text=True)
            self.assertIn(f"{share}/configs/quickstart.yaml", done.stderr)


if __name__ == "__main__":
    unittest.main()
