"""A port of this computer, and uvicorn behind it in a thread of its own."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import Any

from hfdl.errors import ConfigError

HOST = "127.0.0.1"
_PATIENCE = 2.0  # seconds for threads to leave; a browser keeps connections open for ever


def listen(port: int) -> socket.socket:
    """A socket that listens on a port, so that no other program gets it while models are opened.

    Args:
        port: 0 takes a free one.

    Raises:
        ConfigError: another program has it, or it may not be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        problem = "another program listens there" if taken else str(error)
        raise ConfigError(
            f"port {port} cannot be used: {problem}",
            where="port",
            rule="0 takes a free one",
            remedy="end that program, or give --port 0" if taken else "give --port 0",
        ) from None
    return listener


class Server:
    """An application that is being served.

    Args:
        app: an ASGI application.
        listener: a socket that listens; it is closed with the server.

    Attributes:
        port: of ``listener``.
        url: the address on this computer.
    """

    def __init__(self, app: Any, listener: socket.socket) -> None:
        import uvicorn

        self.port: int = listener.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        self._listener = listener
        config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="on")
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._uvicorn.run, kwargs={"sockets": [listener]}, daemon=True, name="hfdl demo"
        )
        self._thread.start()
        while not self._uvicorn.started and self._thread.is_alive():
            time.sleep(0.01)

    def wait(self) -> None:
        """Until it is closed; Ctrl-C is raised here."""
        self._thread.join()

    def close(self) -> None:
        """Stop at once: answers that are being written are given up."""
        self._uvicorn.should_exit = self._uvicorn.force_exit = True
        self._thread.join(_PATIENCE)
        self._listener.close()
