"""Runs the batch scripts of configs/slurm on a Slurm cluster in network namespaces. Needs root.

Usage: slurm_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import shutil
from pathlib import Path

import slurm
import support
from support import SOURCE, eventually

SHORT = ("--set", "plan.cooldown=0ms", "--set", "defaults.duration=100ms", "--set", "defaults.warmup=0ms",
         "--set", "workloads.pingpong.engine=blocking", "--only", "pingpong", "-o", "results")


def agents():
    """Returns the numbers of the processes of pingperf that Slurm started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (os.readlink(process / "exe") == support.PINGPERF
                    and b"\0SLURM_JOB_ID=" in (process / "environ").read_bytes()):
                found.append(process.name)
        except OSError:  # it has ended
            pass
    return found


class Slurm(slurm.Cluster):
    def setUp(self):
        super().setUp()
        for file in (SOURCE / "configs/slurm").iterdir():
            shutil.copy(file, self.folder)

    def rows(self):
        files = list(self.results.glob("*/*/trials.csv"))
        return support.read_table(files[0]) if files and files[0].stat().st_size else []

    def check_that_nothing_is_left(self):
        self.assertTrue(eventually(lambda: not agents(), 15), self.output())

    def test_the_script_for_two_nodes_runs(self):
        job = self.submit("network.sbatch", *SHORT, "--set", "plan.repetitions=2")
        self.await_end(job)
        self.assertEqual(list(self.rows().status), 4 * ["ok"], self.output())
        self.assertEqual({*self.rows().client_host} | {*self.rows().server_host}, {"node1", "node2"})
        facts = next(self.results.glob("*/*/environment.json")).read_text()
        self.assertRegex(facts, rf'"slurm_job": ?{job}\b')
        self.assertRegex(facts, r'"slurm_nodes": ?"node\[1-2\]"')
        self.check_that_nothing_is_left()

    def test_the_script_for_all_nodes_measures_every_pair(self):
        job = self.submit("--nodes=3", "all-nodes.sbatch", *SHORT, "--set", "plan.repetitions=1")
        self.await_end(job)
        rows = self.rows()
        self.assertEqual({*rows.status}, {"ok"}, self.output())
        self.assertEqual({*zip(rows.client_host, rows.server_host)},
                         {("node1", "node2"), ("node1", "node3"), ("node2", "node3")})
        self.check_that_nothing_is_left()

    def test_a_cancelled_job_keeps_its_rows_and_a_new_one_resumes_it(self):
        job = self.submit("network.sbatch", *SHORT, "--set", "plan.repetitions=20")
        self.assertTrue(eventually(lambda: len(self.rows()) >= 2, 30), self.output())
        self.slurm("scancel", job)
        self.await_end(job)
        self.check_that_nothing_is_left()
        kept = self.rows()
        self.assertGreaterEqual(len(kept), 2)
        self.assertLess(len(kept), 40)
        run = next(self.results.glob("*/*"))
        # The job may have ended the agents first, and with them the trial that was under way.
        job = self.submit("--nodelist=node2,node3", "network.sbatch", "--resume", run, "--failed")
        self.await_end(job)
        rows = self.rows()
        self.assertEqual({*zip(rows.client_host, rows.server_host)}, {("node1", "node2"), ("node2", "node3")})
        self.assertEqual(len(rows[rows.status == "ok"]), 40, self.output())
        self.assertEqual(list(rows.rtt_p50_ns[:2]), list(kept.rtt_p50_ns[:2]))


if __name__ == "__main__":
    support.main()
