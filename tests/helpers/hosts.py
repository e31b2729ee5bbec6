"""Two hosts on this machine: network namespaces with addresses of their own, joined by a cable."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Hosts:
    """The names of two namespaces and their addresses."""

    names: tuple[str, str]
    addresses: tuple[str, str]

    def on(self, host: int, words: list[str]) -> list[str]:
        """The command that runs ``words`` on a host, with its only interface named to gloo."""
        own = ["env", f"GLOO_SOCKET_IFNAME={self.cable(host)}"]
        return ["ip", "netns", "exec", self.names[host], *own, *words]

    def cable(self, host: int) -> str:
        """The interface of a host."""
        return f"{self.names[host]}e"

    def unplug(self, host: int) -> None:
        """From now on a host neither hears nor is heard, and no connection ends."""
        self.ip("-n", self.names[host], "link", "set", self.cable(host), "down")

    def ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def reason_for_none() -> str:
    """Why there can be no such hosts here; empty where there can."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        return "network namespaces need the command ip, and root"
    name = f"h{os.getpid()}t"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, text=True)
    return made.stderr.strip()


@contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Make two hosts, and take them away again with what still runs on them."""
    names = (f"h{os.getpid()}a", f"h{os.getpid()}b")
    hosts = Hosts(names, ("10.77.0.1", "10.77.0.2"))
    try:
        for name in names:
            hosts.ip("netns", "add", name)
        hosts.ip("link", "add", hosts.cable(0), "type", "veth", "peer", "name", hosts.cable(1))
        for host, name in enumerate(names):
            cable = hosts.cable(host)
            hosts.ip("link", "set", cable, "netns", name)
            hosts.ip("-n", name, "addr", "add", f"{hosts.addresses[host]}/24", "dev", cable)
            for interface in ("lo", cable):
                hosts.ip("-n", name, "link", "set", interface, "up")
        yield hosts
    finally:
        for name in names:
            kill_all(name)
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, text=True)


def kill_all(name: str) -> None:
    """SIGKILL to every process of a host, as where its power ends but its kernel says goodbye."""
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout
    for pid in pids.split():
        subprocess.run(["kill", "-9", pid], capture_output=True, text=True)
