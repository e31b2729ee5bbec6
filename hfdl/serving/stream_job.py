"""A text that is sent as it is written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator


class StreamJob:
    """Pieces of a text, one at a time, between the batches of others.

    Args:
        start: gives the pieces; called in the model's thread.
        send: takes each piece, None at the end, or the error.
    """

    def __init__(
        self, start: Callable[[], Iterator[str]], send: Callable[[str | Exception | None], None]
    ) -> None:
        self._start, self._send = start, send
        self._pieces: Iterator[str] | None = None
        self._over = threading.Lock()
        self.is_over = False

    def advance(self) -> None:
        """Send one more piece."""
        try:
            if self._pieces is None:
                self._pieces = self._start()
            piece = next(self._pieces, None)
        except Exception as error:
            self.fail(error)
            return
        if piece is None:
            self._end(None)
        elif not self.is_over:
            self._send(piece)

    def fail(self, error: Exception) -> None:
        """End it with an error, unless it has ended."""
        self._end(error)

    def drop(self) -> None:
        """End it: nobody reads on."""
        with self._over:
            self.is_over = True

    def close(self) -> None:
        """Free what the model keeps for it; in the model's thread."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()

    def _end(self, last: Exception | None) -> None:
        with self._over:
            if self.is_over:
                return
            self.is_over = True
        self._send(last)
