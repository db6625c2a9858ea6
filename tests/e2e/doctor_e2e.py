"""Checks the findings of the doctor on this host, for an experiment, in a run and in stale labs.

Usage: doctor_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import json
import os
import subprocess

import support
from support import pingperf

EXPERIMENT = """
name: pings
plan: {repetitions: 2, cooldown: 0ms}
defaults: {duration: 20ms, warmup: 0ms, pin: {client: 0, server: 0}}
workloads:
  pingpong: {kind: latency, engine: blocking, matrix: {transport: [tcp, udp]}}
  bulk: {kind: throughput, matrix: {engine: [blocking, epoll]}}
"""


class Doctor(support.EndToEnd):
    def findings(self, *arguments):
        done = pingperf("doctor", "--format", "json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_it_reports_on_this_host_with_why_and_remedy(self):
        report = self.findings()
        host = report["hosts"][0]
        self.assertEqual(host["host"], "this host")
        self.assertEqual(host["facts"]["cpus"], os.cpu_count())
        for finding in host["findings"]:
            self.assertIn(finding["severity"], ("serious", "note"))
            self.assertTrue(finding["what"] and finding["why"] and finding["remedy"])
        text = pingperf("doctor").stdout
        self.assertIn("this host: ", text)
        self.assertEqual(text.count("  why "), text.count("  fix "))

    def test_an_experiment_is_judged_by_what_it_needs(self):
        file = self.experiment(EXPERIMENT)
        found = self.findings(file)["hosts"]
        self.assertEqual([host["host"] for host in found], ["both hosts"])
        self.assertNotIn("qdiscs", [finding["subject"] for finding in found[0]["findings"]])
        wrong = pingperf("doctor", self.folder / "none.yaml")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("none.yaml", wrong.stderr)

    def test_doctor_check_and_the_row_of_a_trial_that_cannot_run_say_the_same(self):
        file = self.experiment("name: x\nplan: {repetitions: 1}\nworkloads: {w: {kind: throughput, transport: "
                               "unix-seqpacket, engine: blocking, message_size: 1GiB}}\n")
        warning = pingperf("check", file).stderr.strip()
        reason = warning.partition("case 'w' cannot run here: ")[2].splitlines()[0]
        self.assertIn("must fit into the send buffer", reason)
        found = self.findings(file)["hosts"][0]["findings"]
        self.assertIn(f"case 'w' cannot run here: {reason}", [finding["what"] for finding in found])
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(reason, self.trials().error[0])

    def test_a_limit_of_this_machine_is_a_finding_of_this_machine(self):
        other = "{launch: [env, SLURM_JOB_ID=1]}"  # a fact that makes it another host
        file = self.experiment(f"name: x\nhosts: {{pairs: [{{client: {other}, server: {other}}}, {{}}]}}\n"
                               "workloads: {w: {kind: throughput, engine: blocking, congestion_control: nosuch}}\n")
        found = {host["host"]: [finding["subject"] for finding in host["findings"]] for host in self.findings(file)["hosts"]}
        self.assertNotIn("cases", found["client of pair 1"])
        self.assertIn("cases", found["client of pair 2"])

    def test_a_run_reports_what_would_spoil_it_and_keeps_it(self):
        file = self.experiment(EXPERIMENT)
        far = ["--only", "bulk*", "--set", "defaults.pin={client: 4000, server: 4000}",
               "--set", "plan.repetitions=1"]
        refused = pingperf("run", "-o", self.results, file, *far)
        self.assertEqual(refused.returncode, 2)
        self.assertRegex(refused.stderr, "both hosts: pin: CPU 4000 is not .*; --force runs it")
        self.assertFalse(self.results.exists())
        far.append("--force")
        done = pingperf("run", "-o", self.results, file, *far)
        reported = [line for line in done.stderr.splitlines()
                    if "CPU 4000 is not one that pingperf may use" in line]
        self.assertEqual(len(reported), 1, done.stderr)
        self.assertTrue(reported[0].startswith("doctor: both hosts: "))
        environment = json.loads((self.run_directory() / "environment.json").read_text())
        findings = environment["doctor"][0]["findings"]
        self.assertIn("serious", [finding["severity"] for finding in findings])
        self.assertIn("load_ratio", environment["doctor"][0]["now"])
        self.assertNotIn("doctor:", pingperf("run", "-q", "-o", self.results, file, *far).stderr)

    def test_clean_removes_a_lab_whose_run_is_gone(self):
        # In a /run of its own, because other runs on this machine remove stale labs too.
        name = "pingperf-4194305-1-client"  # beyond the largest process number
        doctor = f"{support.PINGPERF} doctor --format json"
        done = subprocess.run(["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-ec",
                               f"mount -t tmpfs tmpfs /run; ip netns add {name}; {doctor} >before; "
                               f"{doctor} --clean >clean; {doctor} >after"],
                              cwd=self.folder, capture_output=True, text=True, timeout=60)
        if "unshare:" in done.stderr or "mount:" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        before, clean, after = (json.loads((self.folder / file).read_text())
                                for file in ("before", "clean", "after"))
        self.assertEqual(before["hosts"][0]["now"]["stale_labs"], [name])
        self.assertIn("sudo pingperf doctor --clean",
                      [finding["remedy"] for finding in before["hosts"][0]["findings"]])
        self.assertEqual(clean["removed"], [name])
        self.assertNotIn("stale_labs", after["hosts"][0]["now"])


if __name__ == "__main__":
    support.main()
