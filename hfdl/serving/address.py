"""The address of a server: taken before a model is loaded."""

from __future__ import annotations

import errno
import socket

from hfdl.errors import ConfigError


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address, and to no other's.

    Args:
        host: a name or an address of this machine.
        port: 0: one that is free.

    Raises:
        ConfigError: the address is in use, not this machine's or not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ConfigError(
            f"no address is called {host!r}", where="--host",
            rule="it is an address or a name of this machine",
            remedy="for this machine alone: --host 127.0.0.1; for its network: --host 0.0.0.0",
        ) from None  # fmt: skip
    family, kind, protocol, _, address = found[0]
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
        opened.listen(2048)
    except OSError as error:
        opened.close()
        raise _refusal(error, host, port) from None
    return opened


def url_of(opened: socket.socket) -> str:
    """Where the socket is reached from this machine."""
    name, port, *_ = opened.getsockname()
    host = str(name)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_local(opened: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    host = opened.getsockname()[0]
    return host.startswith("127.") or host == "::1"


def _refusal(error: OSError, host: str, port: int) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port {port} cannot be used: another program listens there", where="--port",
            rule=f"one server listens at an address, here {host}; 0 takes a free one",
            remedy="end that program, or give --port 0",
        )  # fmt: skip
    if error.errno in (errno.EACCES, errno.EPERM):
        return ConfigError(
            f"port {port} is not allowed", where="--port",
            rule="ports below 1024 are the system's",
            remedy="take another, such as --port 8000",
        )  # fmt: skip
    return ConfigError(
        f"{host} is no address of this machine ({error.strerror})", where="--host",
        rule="a server listens at an address that its machine has",
        remedy="for this machine alone: --host 127.0.0.1; for its network: --host 0.0.0.0",
    )  # fmt: skip
