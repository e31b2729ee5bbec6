"""A guard that refuses every connection to another machine, and keeps what was tried."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EVENTS = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")
_watching: list[list[str]] = []
_installed: list[bool] = []


def _look(event: str, args: tuple[Any, ...]) -> None:
    if not _watching or event not in EVENTS:
        return
    place = args[-1] if event in ("socket.connect", "socket.sendto") else args
    host = place[0] if isinstance(place, tuple) else place  # of a Unix socket, its file
    if isinstance(host, str | bytes) and not str(host).startswith(
        ("127.", "localhost", "/", "::1")
    ):
        _watching[-1].append(f"{event} {place}")
        raise ConnectionRefusedError(f"refused by the test: {event} {place}")


@contextmanager
def no_network() -> Iterator[list[str]]:
    """While active, this process reaches loopback alone; gives what else was tried."""
    if not _installed:  # an audit hook stays for the life of the process
        sys.addaudithook(_look)
        _installed.append(True)
    tried: list[str] = []
    _watching.append(tried)
    try:
        yield tried
    finally:
        _watching.remove(tried)
