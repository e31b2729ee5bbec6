"""Running a service: uvicorn, signals, and an end that leaves no request without an answer."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from hfdl.serving.app import make_app
from hfdl.serving.connection import Connection
from hfdl.serving.gate import Gate
from hfdl.serving.service import Service

_LAST_READ = 0.05
"""Seconds in which what clients had sent before the end is still read."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_server(
    service: Service,
    opened: socket.socket,
    *,
    ready: Callable[[], None],
    ending: Callable[[int], None] = lambda unanswered: None,
    key: str | None = None,
) -> int:
    """Serve until a signal comes.

    Args:
        service: what answers.
        opened: where.
        ready: called once the model answers.
        ending: called with the number of requests in flight when a signal has come.
        key: as for ``Gate``.

    Returns:
        the number of the signal that ended it.

    Raises:
        Exception: what opening the model raised.
    """
    connection: Any = partial(Connection, head_seconds=service.limits.timeout)
    config = uvicorn.Config(
        Gate(make_app(service, asks_key=key is not None), service, key), http=connection,
        log_config=None, log_level="critical", access_log=False, lifespan="off", ws="none",
        server_header=False, timeout_graceful_shutdown=math.ceil(service.limits.grace) + 2,
    )  # fmt: skip
    server = _Server(config, service, ready, ending)
    server.run(sockets=[opened])
    if service.failure is not None:
        raise service.failure
    service.thread.join(timeout=1.0)
    return server.signum or signal.SIGTERM


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, service: Service, ready: Callable[[], None],
        ending: Callable[[int], None],
    ) -> None:  # fmt: skip
        super().__init__(config)
        self._service, self._ready, self._ending = service, ready, ending
        self.signum: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()

        def told() -> None:
            loop.call_soon_threadsafe(self._opened)

        self._service.start(told)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.stop()
        self._ending(self._service.active)
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        end = loop.call_later(self._service.limits.grace, self._service.close)
        await asyncio.sleep(_LAST_READ)
        await super().shutdown(sockets)
        end.cancel()
        self._service.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # only a program's main thread may set handlers
            return
        before = {each: signal.signal(each, self._note) for each in _SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _opened(self) -> None:
        if self._service.failure is not None:
            self.should_exit = True
        else:
            self._ready()

    def _note(self, signum: int, frame: Any) -> None:
        if self.signum is not None:
            os._exit(128 + signum)  # asked twice: at once, whatever is unanswered
        self.signum, self.should_exit = signum, True
