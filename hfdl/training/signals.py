"""Turn SIGINT and SIGTERM into a stop request, honoured after the current update."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class SignalWatch:
    """While active, remembers the first signal; a second SIGINT stops at once, unsaved."""

    def __init__(self) -> None:
        self.signum: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> SignalWatch:
        # Only a program's main thread may set handlers; elsewhere the host handles signals.
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._note) for s in _WATCHED}
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is not None and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.signum = signum
