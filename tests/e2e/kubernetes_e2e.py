"""The manifests of configs/kubernetes, and runs by a scripted kubectl that fails as the real one does.

Usage: kubernetes_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import shutil
import subprocess
import unittest

import yaml

import support
from support import SOURCE, pingperf

MANIFESTS = SOURCE / "configs/kubernetes"
KUBECTL = r"""#!/bin/sh
# kubectl [exec -i] [--namespace NAME] POD -- COMMAND: runs the command here, or fails in $MODE.
echo "$*" >>"$LOG"
while [ "$1" != -- ]; do pod=$last; last=$1; shift; done; shift
case $MODE in
  not-found) echo "Error from server (NotFound): pods \"$last\" not found" >&2; exit 1 ;;
  no-program)
    echo 'error: Internal error occurred: Internal error occurred: error executing command in container: failed' \
      "to exec in container: exec: \"$1\": executable file not found in \$PATH: unknown" >&2
    exit 1 ;;
  forbidden)
    echo "Error from server (Forbidden): pods \"$last\" is forbidden: User \"u\" cannot create resource" \
      '"pods/exec" in API group "" in the namespace "pingperf"' >&2
    exit 1 ;;
  unreachable)
    echo 'E1129 12:00:00.000000 1 memcache.go:265] "Unhandled Error" err="couldn'"'"'t get current server API group list"' >&2
    echo 'The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?' >&2
    exit 1 ;;
  default-container) echo "Defaulted container \"pingperf\" out of: pingperf, sidecar" >&2 ;;
esac
shift; exec "$PROGRAM" "$@"
"""


class Manifests(support.EndToEnd):
    def documents(self, folder):
        if not shutil.which("kubectl"):
            self.skipTest("kubectl is not installed")
        done = subprocess.run(["kubectl", "kustomize", MANIFESTS / folder], capture_output=True, text=True)
        if "unknown command" in done.stderr or "unknown flag" in done.stderr:
            self.skipTest("this kubectl has no kustomize")
        self.assertEqual(done.returncode, 0, done.stderr)
        return {document["kind"]: document for document in yaml.safe_load_all(done.stdout)}

    def test_every_container_has_what_the_restricted_profile_requires(self):
        documents = self.documents("base")
        self.assertEqual(documents["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
                         "restricted")
        for kind in ("StatefulSet", "Job"):
            pod = documents[kind]["spec"]["template"]["spec"]
            self.assertNotIn("hostNetwork", pod)
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for container in pod["containers"]:
                self.assertEqual(container["securityContext"],
                                 {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}})
                self.assertIn("requests", container["resources"])

    def test_the_controller_may_only_find_pods_and_execute_in_them(self):
        rules = self.documents("base")["Role"]["rules"]
        self.assertEqual({(resource, verb) for rule in rules for resource in rule["resources"]
                          for verb in rule["verbs"]},
                         {("pods", "get"), ("pods", "list"), ("pods", "watch"),
                          ("pods/exec", "create"), ("pods/exec", "get")})

    def test_the_overlay_uses_the_network_of_the_nodes(self):
        documents = self.documents("host-network")
        self.assertTrue(documents["StatefulSet"]["spec"]["template"]["spec"]["hostNetwork"])
        self.assertNotIn("hostNetwork", documents["Job"]["spec"]["template"]["spec"])


class Kubectl(support.EndToEnd):
    def run_by_kubectl(self, mode=""):
        script = self.folder / "kubectl"
        script.write_text(KUBECTL)
        script.chmod(0o755)
        self.log = self.folder / "log"
        return pingperf("run", "-o", self.results, MANIFESTS / "base/experiment.yaml", "--only", "pingpong",
                        "--set", "hosts.server.address=127.0.0.1", "--set", "hosts.server.namespace=pingperf",
                        "--set", "plan.repetitions=1", "--set", "plan.cooldown=0ms",
                        "--set", "defaults.duration=100ms", "--set", "defaults.warmup=0ms",
                        env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "MODE": mode,
                             "LOG": str(self.log), "PROGRAM": support.PINGPERF})

    def error_of(self, mode):
        done = self.run_by_kubectl(mode)
        self.assertEqual(done.returncode, 3, done.stderr)
        return done.stderr

    def test_the_experiment_runs_in_two_pods(self):
        done = self.run_by_kubectl("default-container")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({*self.trials().status}, {"ok"})
        self.assertEqual({*self.log.read_text().splitlines()},
                         {"exec -i agent-0 -- pingperf agent",
                          "exec -i --namespace pingperf agent-1 -- pingperf agent"})

    def test_a_failure_has_the_words_of_kubectl(self):
        self.assertIn('Error from server (NotFound): pods "agent-0" not found', self.error_of("not-found"))
        self.assertIn('exec: "pingperf": executable file not found in $PATH', self.error_of("no-program"))
        self.assertIn('cannot create resource "pods/exec"', self.error_of("forbidden"))
        both = self.error_of("unreachable")
        self.assertIn("couldn't get current server API group list", both)
        self.assertIn("The connection to the server 10.0.0.1:6443 was refused", both)


if __name__ == "__main__":
    support.main()
