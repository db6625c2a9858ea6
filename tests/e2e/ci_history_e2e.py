"""Runs the CI script from an empty history to a failing pull request.

Usage: ci_history_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree
from pathlib import Path

import yaml

import support
from support import SOURCE

EXPERIMENT = """
name: ci
plan: {repetitions: 1, cooldown: 0ms}
defaults: {transport: tcp, duration: 60ms, warmup: 0ms}
workloads:
  bulk: {kind: throughput, engine: blocking, rate: 100mbit}
"""

# Plays the figures of a quiet machine: sets those of the run that pingperf has made, to $THROUGHPUT.
PLAYED = """#!/bin/sh
'{pingperf}' "$@" || exit
[ "$1" = run ] && [ -n "$THROUGHPUT" ] || exit 0
for file in results/runs/ci/latest/trials.csv; do
  /usr/bin/python3 -c "
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
for row in rows:
    row.update(throughput_bps=sys.argv[2], other_load_ratio=0, steal_ratio=0)
with open(sys.argv[1], 'w') as file:
    writer = csv.DictWriter(file, rows[0], lineterminator='\\n')
    writer.writeheader()
    writer.writerows(rows)
" "$file" "$THROUGHPUT"
done
"""


class CiHistory(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        (self.folder / "ci.yaml").write_text(EXPERIMENT)
        played = self.folder / "pingperf"
        played.write_text(PLAYED.format(pingperf=support.PINGPERF))
        played.chmod(0o755)

    def measure(self, side, *arguments, **environment):
        return subprocess.run([SOURCE / "tools/ci/measure", side, "ci.yaml", *arguments], cwd=self.folder, text=True,
                              capture_output=True, timeout=120,
                              env={**os.environ, "PINGPERF": "./pingperf", "PINGPERF_OUTPUT": "results",
                                   "PINGPERF_MACHINE": "runner", **environment})

    def test_from_an_empty_history_to_a_failing_pull_request(self):
        first = self.measure("change")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("no history of the main branch yet", first.stderr)
        for commit in range(6):
            time.sleep(1 - time.time() % 1)  # a run is known by the second of its start
            done = self.measure("main", PINGPERF_COMMIT=f"c{commit}", THROUGHPUT=str(1e8 + commit * 1e5))
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Not judged: 1 of 1 series: 6 runs: a change point requires 10", done.stdout)
        self.assertIn("<!doctype html>", (self.folder / "results/trend.html").read_text())
        equal = self.measure("change", "--threshold", "30%", THROUGHPUT="1e8")
        self.assertEqual(equal.returncode, 0, equal.stdout + equal.stderr)
        slow = self.measure("change", "--threshold", "30%", THROUGHPUT="5e7")
        self.assertEqual(slow.returncode, 1, slow.stdout + slow.stderr)
        self.assertIn("slower", (self.folder / "results/comment.md").read_text())
        junit = xml.etree.ElementTree.parse(self.folder / "results/junit.xml")
        self.assertEqual(len(list(junit.iter("failure"))), 1)

    def test_a_pull_request_without_an_earlier_run_of_its_experiment_or_machine_passes(self):
        self.assertEqual(self.measure("main").returncode, 0)
        elsewhere = self.measure("change", PINGPERF_MACHINE="another")
        (self.folder / "ci.yaml").write_text(EXPERIMENT.replace("name: ci", "name: new"))
        new = self.measure("change")
        for done in elsewhere, new:
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("no earlier run of this experiment on this machine", done.stderr)
            self.assertIn("no earlier run", done.stdout)
        wrong = self.measure("change", "--threshold", "x")
        self.assertEqual(wrong.returncode, 2, wrong.stderr)

    def test_results_of_an_earlier_job_are_removed_and_other_files_stay(self):
        results = self.folder / "results"
        results.mkdir()
        (results / "mine").write_text("")
        self.assertEqual(self.measure("main").returncode, 0)
        (self.folder / "ci.yaml").write_text(EXPERIMENT.replace("name: ci", "name: aa"))
        self.assertEqual(self.measure("change").returncode, 0)
        self.assertEqual({path.name for path in results.iterdir()}, {"mine", "runs", "comment.md"})
        self.assertEqual([path.name for path in (results / "runs").glob("[a-z]*")], ["aa"])
        (results / "runs/.made-by-measure").unlink()
        done = self.measure("change")
        self.assertEqual(done.returncode, 2)
        self.assertIn("results/runs: exists, and not made by this script", done.stderr)
        self.assertTrue((results / "runs/aa/latest/trials.csv").exists())

    def test_wrong_usage_and_experiments_have_their_code(self):
        self.assertEqual(self.measure("pull").returncode, 2)
        (self.folder / "ci.yaml").write_text("name: 1\nworkloads: {}\n")
        done = self.measure("main")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("nothing to judge", done.stderr)

    def test_the_action_and_the_template_call_the_script(self):
        action = yaml.safe_load((SOURCE / "action.yml").read_text())
        self.assertEqual(action["runs"]["using"], "composite")
        for step in action["runs"]["steps"]:
            self.assertTrue(("run" in step and step["shell"] == "bash") or "uses" in step, step)
            if "run" in step:
                subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)
                self.assertNotIn("${{", step["run"])  # values of a pull request are no code
        self.assertIn("tools/ci/measure", self.gitlab_job()["script"][1])

    def run_step(self, name, **environment):
        """Runs the shell text of a step of the action, as GitHub does. Returns what it did and its outputs."""
        action = yaml.safe_load((SOURCE / "action.yml").read_text())
        (step,) = [step for step in action["runs"]["steps"] if step.get("name") == name]
        output = self.folder / "output"
        output.write_text("")
        done = subprocess.run(["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=self.folder,
                              text=True, capture_output=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output),
                                   "GITHUB_STEP_SUMMARY": str(self.folder / "summary"), **environment})
        return done, dict(line.split("=", 1) for line in output.read_text().splitlines())

    def test_the_action_stores_only_runs_of_the_default_branch(self):
        measure = self.folder / "tools/ci/measure"
        measure.parent.mkdir(parents=True)
        measure.write_text("#!/bin/sh\necho side: $1\n")
        measure.chmod(0o755)
        for event, ref, side in (("push", "refs/heads/trunk", "main"), ("push", "refs/heads/topic", "change"),
                                 ("push", "refs/tags/trunk", "change"), ("schedule", "refs/heads/trunk", "main"),
                                 ("workflow_dispatch", "refs/heads/trunk", "main"),
                                 ("workflow_dispatch", "refs/heads/topic", "change"),
                                 ("pull_request", "refs/pull/1/merge", "change"),
                                 ("pull_request_target", "refs/heads/trunk", "change"),
                                 ("merge_group", "refs/heads/gh-readonly-queue/trunk/pr-1", "change")):
            with self.subTest(event=event, ref=ref):
                done, outputs = self.run_step("measure and judge", GITHUB_EVENT_NAME=event, GITHUB_REF=ref, EXPERIMENT="ci.yaml",
                                              DEFAULT_BRANCH="trunk", GITHUB_ACTION_PATH=str(self.folder), COMPARE="")
                self.assertEqual((done.returncode, done.stdout), (0, f"side: {side}\n"), done.stderr)
                self.assertEqual(outputs, {"side": side, "status": "0"})

    def program(self, name, text):
        program = self.folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    def test_the_action_installs_gh_for_the_comment_or_warns(self):
        path = self.folder / "bin"
        comment = {"PATH": str(path), "NUMBER": "7", "GITHUB_REPOSITORY": "example/repository"}
        self.program("sudo", 'exec "$@"')
        self.program("apt-get", 'case "$*" in *gh*) echo no package; exit 100 ;; esac')
        done, _ = self.run_step("comment", **comment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("::warning::no comment on the pull request", done.stdout)
        self.program("apt-get", f"case \"$*\" in *gh*) printf '#!/bin/sh\\necho gh \"$@\"\\n' >{path}/gh; /bin/chmod 755 {path}/gh ;; esac")
        done, _ = self.run_step("comment", **comment)
        self.assertEqual((done.returncode, done.stdout),
                         (0, "gh pr comment 7 --repo example/repository --body-file pingperf-results/comment.md\n"), done.stderr)
        self.program("gh", "exit 1")
        done, _ = self.run_step("comment", **comment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("::warning::", done.stdout)

    def test_two_jobs_of_the_action_share_no_history_cache_or_artifact(self):
        steps = {step["name"]: step for step in yaml.safe_load((SOURCE / "action.yml").read_text())["runs"]["steps"]}
        self.assertEqual(steps["save the history"]["if"], "steps.measure.outputs.side == 'main'")
        for name, keys in (("restore the history", ("path", "key", "restore-keys")),
                           ("save the history", ("path", "key")), ("keep the results", ("name",))):
            for key in keys:
                self.assertTrue(steps[name]["with"][key].startswith("${{ inputs.name }}"), (name, key))
        self.assertEqual(steps["measure and judge"]["env"]["PINGPERF_HISTORY"], steps["save the history"]["with"]["path"])

    @staticmethod
    def gitlab_job():
        return yaml.safe_load((SOURCE / "tools/ci/gitlab.yml").read_text())["network-performance"]

    def test_on_gitlab_only_the_default_branch_writes_the_history_and_also_when_it_fails(self):
        job = self.gitlab_job()
        self.assertEqual((job["cache"].get("when"), job["cache"].get("policy")), ("always", "$HISTORY_POLICY"))
        default, others = job["rules"]
        self.assertEqual(default, {"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
                                   "variables": {"HISTORY_POLICY": "pull-push"}})
        self.assertNotIn("variables", others)
        self.assertEqual(job["variables"]["HISTORY_POLICY"], "pull")


if __name__ == "__main__":
    support.main()
