"""`copy: true` to a host that has a kernel, a shell and busybox only: an empty chroot. Needs root.

Usage: copy_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import platform
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import support

BUSYBOX = "/bin/busybox"  # of busybox-static
APPLETS = ("sh", "mkdir", "chmod", "dd", "rm", "uname")

# Mounts what the kernel provides, and /tmp with the options in $TMP, then runs a command there.
ENTER = """#!/bin/sh
set -e
root=$1; shift
if [ "$READ_ONLY" ]; then
  mount --bind "$root" "$root"
  mount -o remount,bind,ro "$root"
fi
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for device in 'null 3' 'zero 5' 'urandom 9'; do mknod -m 666 "$root/dev/${device% *}" c 1 "${device#* }"; done
[ -z "$TMP_OPTIONS" ] || mount -t tmpfs -o "$TMP_OPTIONS" tmpfs "$root/tmp"
exec chroot "$root" "$@"
"""


def libraries(program):
    """Returns the libraries that a program requires; none if it is linked statically."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


class Copy(support.EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.geteuid() != 0:
            raise unittest.SkipTest("chroot needs root")
        if not os.path.exists(BUSYBOX) or libraries(BUSYBOX):
            raise unittest.SkipTest(f"{BUSYBOX} is not that of busybox-static")
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
            raise unittest.SkipTest("unshare --mount is not permitted")

    def setUp(self):
        super().setUp()
        self.root = self.folder / "root"
        for name in ("bin", "proc", "dev", "tmp", "run"):
            (self.root / name).mkdir(parents=True)
        shutil.copy(BUSYBOX, self.root / "bin/busybox")
        for applet in APPLETS:
            (self.root / "bin" / applet).symlink_to("busybox")
        if not support.static_build():
            self.add_libraries()
        self.enter = self.folder / "enter"
        self.enter.write_text(ENTER)
        self.enter.chmod(0o755)

    def add_libraries(self):
        for library in libraries(support.PINGPERF):
            target = Path(f"{self.root}{library}")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)

    def run_there(self, tmp_options="", read_only="", before="", program=None):
        launch = f"[{before} env, HOME=/nowhere, 'TMP_OPTIONS={tmp_options}', 'READ_ONLY={read_only}', " \
            f"unshare, --mount, {self.enter}, {self.root}]"
        return subprocess.run([program or support.PINGPERF, "run", "-o", self.results, self.experiment(f"""
name: copy
plan: {{repetitions: 1, cooldown: 0ms}}
hosts:
  client: {{}}
  server: {{launch: {launch}, address: 127.0.0.1, copy: true, pingperf: /nowhere/pingperf}}
workloads:
  bulk: {{kind: throughput, engine: blocking, duration: 100ms, warmup: 0ms}}
""")], capture_output=True, text=True, timeout=120)

    def check_that_it_runs(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(set(self.trials().status), {"ok"})
        self.assertEqual(list(self.root.glob("*/pingperf-*")), [])

    def test_a_kernel_and_a_shell_suffice(self):
        self.check_that_it_runs(self.run_there())

    def test_pingperf_itself_is_copied_if_no_static_build_is_beside_it(self):
        self.add_libraries()
        alone = self.folder / "pingperf"
        shutil.copy(support.PINGPERF, alone)
        self.check_that_it_runs(self.run_there(program=alone))

    def test_another_folder_takes_the_copy_if_tmp_is_noexec(self):
        self.check_that_it_runs(self.run_there(tmp_options="noexec"))

    def test_another_folder_takes_the_copy_if_tmp_is_full(self):
        self.check_that_it_runs(self.run_there(tmp_options="size=64k"))

    def test_no_folder_is_one_clear_line(self):
        done = self.run_there(tmp_options="ro", read_only="yes")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("no folder takes a copy of pingperf", done.stderr.strip().splitlines()[-1])

    def test_another_architecture_is_one_clear_line(self):
        if platform.machine() != "x86_64":
            self.skipTest("setarch(8) can show another architecture on x86-64")
        done = self.run_there(before="setarch, i686,")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("this host is i686, and the pingperf to copy is for", done.stderr.strip().splitlines()[-1])


if __name__ == "__main__":
    support.main()
