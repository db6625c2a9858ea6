"""Processes and what /proc tells about them."""

import os
import signal
import time
from pathlib import Path


def eventually(condition, seconds):
    """Waits until the condition is true, at most so many seconds. Returns the condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def open_files(pid):
    """Returns the number of open descriptors of a process, or None if it has ended.

    The files of the counters do not count. An agent opens them in the first trial, and keeps them.
    """
    def is_of_counters(path):
        try:
            name = os.readlink(path)
        except OSError:  # closed meanwhile
            name = ""
        return name.startswith("/proc/") or "bpf" in name
    try:
        return sum(not is_of_counters(path) for path in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_with(marker):
    """Returns the pids of processes with `marker` in their environment, without zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if marker in (entry / "environ").read_bytes() and is_running(entry.name):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def parent_of(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def words_of(pid):
    """Returns the words of the command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def kill_all_with(marker):
    for pid in processes_with(marker):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
