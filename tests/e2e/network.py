"""Helpers of the end-to-end tests that make network namespaces, which needs root."""

import ctypes
import os
import subprocess
import unittest
from pathlib import Path

import support

NAMESPACES = Path("/run/netns")


def own_namespaces():
    """Gives this process and its children a /run/netns that no other process sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts, recursive, private = 0x20000, 0x4000, 0x40000

    def check(result, what):
        if result != 0:
            raise OSError(ctypes.get_errno(), what)

    check(libc.unshare(new_mounts), "unshare")
    check(libc.mount(b"none", b"/", None, recursive | private, None), "mount /")
    NAMESPACES.mkdir(parents=True, exist_ok=True)
    check(libc.mount(b"tmpfs", bytes(NAMESPACES), b"tmpfs", 0, None), f"mount {NAMESPACES}")


def namespaces():
    return {p.name for p in NAMESPACES.glob("*")}


def command(*arguments, **options):
    return subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=True, timeout=30, **options)


class Network(support.EndToEnd):
    """Each test leaves the namespaces that it has found."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.geteuid() != 0:
            raise unittest.SkipTest("namespaces of other names need root")
        own_namespaces()

    def setUp(self):
        super().setUp()
        self.before = namespaces()
        self.addCleanup(lambda: self.assertEqual(namespaces(), self.before))
