"""Two network namespaces as the hosts of a run, and snapshots of all that a variant can change."""

import itertools
import json
import os
import subprocess
from pathlib import Path

from processes import eventually

JOURNALS = Path("/run/pingperf")
ADDRESSES = {"client": "10.99.0.1", "server": "10.99.0.2"}
INTERFACE = "data0"

# Prints the sections of a snapshot.
SNAPSHOT = f"""
echo @sysctl; grep -rs . /proc/sys/net
for what in link address route rule; do echo @$what; ip -json $what show; done
echo @offloads; ethtool -k {INTERFACE}
echo @nft; nft list ruleset 2>&1
echo @qdisc; tc qdisc show
"""
COOKIE = "import socket as s; print(int.from_bytes(s.socket().getsockopt(s.SOL_SOCKET, 71, 8), 'little'))"
NUMBERS = itertools.count()


def run(*words):
    """Runs a command. Returns its output. Raises on failure."""
    return subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE, text=True).stdout


def entries_of(section, text):
    """Yields (name, value) of the entries of a section."""
    if section in ("link", "address", "route", "rule"):
        for entry in json.loads(text or "[]"):
            yield entry.get("ifname", str(entry)) if section != "rule" else str(entry), json.dumps(entry)
    elif section in ("sysctl", "offloads"):
        for line in text.splitlines():
            name, _, value = line.partition(":")
            yield name.strip().removeprefix("/proc/sys/").replace("/", "."), value.strip()
    else:
        yield "all", text


class Hosts:
    """A client and a server, connected by a pair of interfaces. A context manager."""

    def __enter__(self):
        number = next(NUMBERS)
        self.spaces = {end: f"strikes-{os.getpid()}-{number}-{end}" for end in ADDRESSES}
        try:
            for end, space in self.spaces.items():
                run("ip", "netns", "add", space)
                for scope in ("all", "default"):  # link-local addresses would come later by themselves
                    run(*self.enter(end), "sysctl", "-qw", f"net.ipv6.conf.{scope}.disable_ipv6=1")
            client, server = self.spaces.values()
            run("ip", "link", "add", INTERFACE, "netns", client, "type", "veth", "peer", "name", INTERFACE,
                "netns", server)
            for end, space in self.spaces.items():
                run("ip", "-n", space, "link", "set", "lo", "up")
                run("ip", "-n", space, "address", "add", f"{ADDRESSES[end]}/24", "dev", INTERFACE)
                run("ip", "-n", space, "link", "set", INTERFACE, "up", "mtu", 1450)  # not the default
                run(*self.enter(end), "ethtool", "-K", INTERFACE, "tx-tcp-mangleid-segmentation", "off")
            for space in self.spaces.values():
                eventually(lambda: '"UP"' in run("ip", "-n", space, "-json", "link", "show", "dev", INTERFACE), 5)
            self.cookies = {end: run(*self.enter(end), "/usr/bin/python3", "-c", COOKIE).strip()
                            for end in self.spaces}
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for end, space in getattr(self, "spaces", {}).items():
            for journal in self.journals(end) if hasattr(self, "cookies") else ():
                journal.unlink()
            subprocess.run(["ip", "netns", "delete", space], stderr=subprocess.DEVNULL)

    def enter(self, end):
        """Returns the words that run a command on a host. ip-netns(8) would hide control groups."""
        return ["nsenter", f"--net=/run/netns/{self.spaces[end]}"]

    def journals(self, end):
        return sorted(JOURNALS.glob(f"{self.cookies[end]}-*"))

    def steps(self, end):
        """Returns the steps of all journals of a host."""
        steps = []
        for journal in self.journals(end):
            own = []
            for text in journal.read_text().split("\n")[:-1]:  # the last line is torn or empty
                line = json.loads(text)
                own = line.get("steps", own) + line.get("begin", [])
                for step in own[len(own) - line.get("complete", 0):]:
                    step["is_certain"] = True
                if "undoing" in line:
                    own[-1]["is_certain"] = False
            steps += own
        return steps

    def snapshot(self):
        """Returns {(end, section, name): value}."""
        found = {}
        for end in self.spaces:
            text = run(*self.enter(end), "sh", "-c", SNAPSHOT)
            for part in text.split("@")[1:]:
                section, _, rest = part.partition("\n")
                found.update({(end, section, name): value for name, value in entries_of(section, rest)})
        return found


def difference(before, after):
    """Returns {key: (value before, value after)} of the entries that differ. None: no such entry."""
    return {key: (before.get(key), after.get(key)) for key in {**before, **after}
            if before.get(key) != after.get(key)}


def groups_of(agents, since):
    """Returns the control groups of the workers of these agents. Older ones had another agent of the same number."""
    roots = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()]
    own = {line.split(":")[2] for line in Path("/proc/self/cgroup").read_text().splitlines()}
    folders = {root / group.strip("/") / step / f"pingperf-{agent}"
               for root in roots for group in own for step in ("", "..") for agent in agents}
    return {str(folder.resolve()) for folder in folders if folder.is_dir() and folder.stat().st_ctime >= since}
