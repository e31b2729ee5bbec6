"""Machines of a run that are gone without a word, as one that loses its power is.

A process that is killed closes its connections, and the others see it at once. A machine that is
switched off, or cut off, says nothing: gloo waits for it for half an hour, NCCL for ten minutes. So
each process counts up a number in the store by which they met (torch's TCPStore), and watches those
of the others.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from hfdl.errors import TrainingError
from hfdl.training.distributed.launched import MEETING, launched_processes, process_number

EVERY = 3.0
SILENCE = 40.0
"""Seconds without a beat. Python code that lets no other thread run takes a few."""

_DONE = "done"
_PATIENCE = 10.0  # of the store's own answers


def lost_another(how: str, continue_with: str) -> TrainingError:
    """The error of a process that others of its run have left.

    Args:
        how: which one, and by what it shows.
        continue_with: the command that goes on with the run.
    """
    return TrainingError(
        how,
        rule="the processes of a run end together",
        remedy=f"continue on the machines that are left: {continue_with}",
    )


class Heartbeat:
    """While active, ends this process where another machine's falls silent.

    Only where there are several machines: on one, the launcher sees a process end.

    Args:
        lost: is told which process it is, and how long it has been silent. It does not return to
            what this process did, for that is waiting in a library for the other.
    """

    def __init__(self, lost: Callable[[str], Any]) -> None:
        self._lost = lost
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        store = _connected() if on_several_machines() else None
        if store is not None:
            others = Others(store, process_number(), launched_processes(), time.monotonic())
            # Two threads: a question to a machine that is cut off is never answered.
            self._threads = [
                threading.Thread(target=work, args=(others,), daemon=True)
                for work in (self._ask, self._watch)
            ]
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        self._stop.set()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _ask(self, others: Others) -> None:
        beats = 0
        while not self._stop.wait(EVERY):
            beats += 1
            others.ask(str(beats), time.monotonic())
        others.ask(_DONE, time.monotonic())

    def _watch(self, others: Others) -> None:
        while not self._stop.wait(EVERY):
            if (silent := others.silent(time.monotonic())) is not None:
                self._lost(silent)
                return


class Others:
    """The other processes, and when each was last heard of.

    Args:
        store: with ``set``, ``check`` and ``get``, as torch's have them.
        rank, world: of this process.
        now: seconds by a clock that only goes forward.
    """

    def __init__(self, store: Any, rank: int, world: int, now: float) -> None:
        self._store, self._rank = store, rank
        self._heard: dict[int, tuple[bytes, float]] = {
            other: (b"", now) for other in range(world) if other != rank
        }
        self._answered = now

    def ask(self, word: str, now: float) -> None:
        """Say that this process is there, and note who of the others has said so since."""
        try:
            self._store.set(f"beat/{self._rank}", word)
            for other, (before, _) in self._heard.items():
                key = f"beat/{other}"
                said = self._store.get(key) if self._store.check([key]) else b""
                if said != before:
                    self._heard[other] = said, now
            self._answered = now
        except RuntimeError:  # the store is in the first machine's hands
            return

    def silent(self, now: float) -> str | None:
        """Which process has not been heard of for too long."""
        if now - self._answered > SILENCE:
            return f"the first machine has not answered for {now - self._answered:.0f} s"
        for other, (word, when) in self._heard.items():
            if word != _DONE.encode() and now - when > SILENCE:
                return f"process {other} has not been heard of for {now - when:.0f} s"
        return None


def on_several_machines() -> bool:
    """Whether a launcher has started more processes than there are on this machine."""
    if MEETING in os.environ:
        return False
    here = os.environ.get("LOCAL_WORLD_SIZE", "")
    return launched_processes() > (int(here) if here.isdecimal() else 1)


def end_this_process(error: TrainingError) -> None:
    """Say the error, and leave at once: the main thread waits where it cannot be reached."""
    sys.stderr.write(f"error: {error}\n")
    sys.stderr.flush()
    os._exit(2)


def _connected() -> Any:
    """A connection of our own to the store at which the processes met; None: there is none."""
    from torch.distributed import (
        PrefixStore,  # pyright: ignore[reportPrivateImportUsage]
        TCPStore,  # pyright: ignore[reportPrivateImportUsage]
    )

    host, port = (os.environ.get(name, "") for name in ("MASTER_ADDR", "MASTER_PORT"))
    if not host or not port.isdecimal():
        return None
    try:
        store = TCPStore(
            host, int(port), is_master=False, wait_for_workers=False,
            timeout=timedelta(seconds=_PATIENCE),
        )  # fmt: skip
    except RuntimeError:
        return None
    return PrefixStore(f"hfdl/{os.environ.get('TORCHELASTIC_RUN_ID', '')}", store)
