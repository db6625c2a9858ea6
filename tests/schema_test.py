"""Checks the schema with a real validator. The schema accepts every right experiment and refuses
every wrong one, except those that tests/bad/beyond-the-schema.txt lists with the reason.

Usage: schema_test.py PATH_OF_PINGPERF
"""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

import yaml

try:
    from jsonschema import Draft202012Validator
except ImportError as e:
    print(f"skipped: {e} (Debian package python3-jsonschema, 4 or later)")
    sys.exit(77)

PINGPERF = sys.argv.pop(1)
SOURCE = Path(__file__).resolve().parents[1]
COMMITTED = SOURCE / "docs/experiment.schema.json"
EXPERIMENTS = sorted([*SOURCE.glob("configs/**/*.yaml"),
                      *SOURCE.glob("results/reference/**/experiment.yaml")])


class Yaml12(yaml.SafeLoader):
    """Reads plain scalars as YAML 1.2 and editors do: yes and 1:30 are texts."""
    yaml_implicit_resolvers = {}


for tag, pattern, first in (("bool", r"true|false", "tf"), ("null", r"~|null|", ["~", "n", ""]),
                            ("int", r"[-+]?[0-9]+", "-+0123456789"),
                            ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
                             "-+.0123456789")):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))


def is_experiment(file):
    return "workloads:" in file.read_text()


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = subprocess.run([PINGPERF, "schema"], capture_output=True, text=True, check=True).stdout
        Draft202012Validator.check_schema(json.loads(cls.text))
        cls.validator = Draft202012Validator(json.loads(cls.text))

    def objection(self, text):
        """Returns the error of the schema for an experiment; empty when there is none."""
        try:
            document = yaml.load(text, Yaml12)
        except (yaml.YAMLError, RecursionError) as e:
            return f"not YAML: {e}"
        return "; ".join(error.message[:200] for error in self.validator.iter_errors(document))

    def test_the_committed_one_is_this_one(self):
        self.assertEqual(COMMITTED.read_text(), self.text,
                         "run: pingperf schema > docs/experiment.schema.json")

    def test_every_experiment_is_taken(self):
        files = [file for file in EXPERIMENTS if is_experiment(file)]
        self.assertGreater(len(files), 10)
        for file in files:
            with self.subTest(file=file.name):
                self.assertEqual(self.objection(file.read_text()), "")

    def test_every_config_names_the_schema_for_editors(self):
        for file in EXPERIMENTS:
            if not is_experiment(file) or "reference" in file.parts:
                continue
            with self.subTest(file=file.name):
                named = re.search(r"^# yaml-language-server: \$schema=(\S+)$", file.read_text(), re.M)
                self.assertIsNotNone(named)
                self.assertEqual((file.parent / named[1]).resolve(), COMMITTED)

    def test_every_wrong_experiment_is_refused_but_for_the_listed_ones(self):
        listed = {}
        for line in (SOURCE / "tests/bad/beyond-the-schema.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                name, _, reason = line.partition(": ")
                self.assertTrue(reason, line)
                listed[name] = reason
        files = sorted((SOURCE / "tests/bad").glob("*.yaml"))
        self.assertLessEqual(set(listed), {file.stem for file in files})
        for file in files:
            with self.subTest(file=file.name):
                objection = self.objection(file.read_bytes())
                if file.stem in listed:
                    self.assertEqual(objection, "", "it is refused: take it off the list")
                else:
                    self.assertNotEqual(objection, "", file.with_suffix(".expected").read_text())

    def test_forms_that_few_experiments_use_are_taken(self):
        self.assertEqual(self.objection("""
name: forms
hosts:
  client: {launch: [ssh, -p, 22, bench1], copy: true}
  server: {kubectl: pod, namespace: net, address: 192.0.2.1, pingperf: /opt/pingperf}
plan: {repetitions: 5, until: {metric: [throughput_bps], relative_ci: 2%, at_most: 20, of: cases},
       order: sequential, seed: 7, cooldown: 0ms, timeout: 1.5h}
defaults: {duration: .5s, pin: {client: 0}, dscp: 46, ip: 6}
workloads:
  a: {kind: throughput, engine: null, message_size: 64, rate: 1.5GBIT, iperf3_options: [--cport, '5999']}
  b: {kind: latency, engine: blocking, frequency: 5khz, background: {kind: throughput, engine: iperf3},
      matrix: {pin: [{client: 0, server: 0}], message_size: [64, 1KiB]}, exclude: [{message_size: 64}],
      include: [{transport: udp}]}
compare: [{metric: rtt_p50_ns, workload: b, baseline: {workload: a}, where: {transport: tcp}}]
gates: [{metric: throughput_bps, axis: engine, candidate: null, baseline: iperf3, at_least: 95%},
        {metric: rtt_p50_ns, against: results/x, relative_to: {engine: iperf3}, at_most: 1.05}]
"""), "")

    def test_the_document_is_told_what_is_wrong(self):
        wrong = "name: x\nworkloads: {w: {kind: throughput, engine: blokcing}}\n"
        self.assertIn("'blokcing' is not one of", self.objection(wrong))


if __name__ == "__main__":
    unittest.main()
