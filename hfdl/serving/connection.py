"""A client's connection, closed where the head of a request does not come in time."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """uvicorn's own, which would wait for ever for a head that was begun, or for the first one.

    Each such connection holds a file descriptor, of which a process has a thousand or so. h11
    refuses heads that are larger than 64 KB, which httptools does not.

    Args:
        head_seconds: from the first byte of a head, or the connection, to the head's end.
        options: uvicorn's own.
    """

    def __init__(self, *, head_seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._head_seconds = head_seconds
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_answering():
            self._stop()
        elif self._end is None:  # bytes after an answer: of the next head, or of an unread body
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._end = self.loop.call_later(self._head_seconds, self._give_up)

    def _stop(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _give_up(self) -> None:
        self._end = None
        if not self._is_answering():
            self.transport.close()
