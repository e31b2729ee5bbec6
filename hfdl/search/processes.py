"""Several processes that work on one study: each is ``hfdl tune STUDY --join``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from hfdl.errors import TrainingError
from hfdl.search.layout import Layout
from hfdl.search.signals import Watch
from hfdl.search.storage import Storage
from hfdl.training.distributed.launched import CHILD
from hfdl.training.events import Interrupted, Listener, Noted

_MOST_DEATHS = 20
"""How often workers may be killed by the system before the study gives up."""


def work_together(
    layout: Layout, storage: Storage, workers: int, tell: Listener, watch: Watch
) -> None:
    """Start workers and wait until nothing is left to do.

    For a worker that is killed (for want of memory, for instance) another is started, which goes
    on with its trial; at the second time the trial has failed. When this process is killed they
    are, too.

    Args:
        layout, storage: of the study, which is begun.
        workers: how many.
        tell: takes their lines.
        watch: a signal that it notes is passed on, once.

    Raises:
        Interrupted: a signal came; the workers have saved their trials.
        TrainingError: a worker failed, or was killed again and again.
    """
    running = [_Process(layout.folder, workers, tell) for _ in range(workers)]
    passed = 0
    deaths = 0
    try:
        while running:
            if watch.signum is not None and not passed:
                passed = watch.signum
                for one in running:
                    one.send(passed)
            for one in [one for one in running if one.has_ended()]:
                running.remove(one)
                if one.code == 0 or passed:
                    continue
                deaths += 1
                if one.code > 0 or deaths >= _MOST_DEATHS:
                    raise TrainingError(one.fault())
                tell(Noted(f"{one.fault()}; another takes its place"))
                storage.note_killed(one.fault())
                running.append(_Process(layout.folder, workers, tell))
            time.sleep(0.05)
    finally:
        for one in running:
            one.end()
    if passed:
        raise Interrupted(passed, 0, str(layout.folder))


class _Process:
    """A worker.

    Args:
        folder: of the study.
        workers: how many share the cores.
        tell: takes its lines.
    """

    def __init__(self, folder: Path, workers: int, tell: Listener) -> None:
        threads = str(max(1, (os.cpu_count() or 1) // workers))
        threads = os.environ.get("OMP_NUM_THREADS", threads)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hfdl.cli", "tune", str(folder), "--join"],
            env={**os.environ, "OMP_NUM_THREADS": threads, CHILD: "1"},
            stdin=subprocess.PIPE,  # see launched.end_with_launcher
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # A group of its own, so that a Ctrl-C arrives once, through us.
            start_new_session=True,
        )
        self._lines: list[str] = []
        assert self._process.stderr is not None
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stderr, tell), daemon=True
        )
        self._reader.start()

    def _read(self, stream: IO[str], tell: Listener) -> None:
        for line in stream:
            self._lines = [*self._lines[-30:], line.rstrip("\n")]
            if line.startswith(("trial ", "note: ")):
                tell(Noted(line.rstrip("\n")))

    @property
    def code(self) -> int:
        """Its exit code; below 0 the signal that killed it."""
        return self._process.returncode

    def has_ended(self) -> bool:
        """Whether it is over."""
        if self._process.poll() is None:
            return False
        self._reader.join(5)
        return True

    def send(self, signum: int) -> None:
        """Pass a signal on."""
        if self._process.poll() is None:
            self._process.send_signal(signum)

    def fault(self) -> str:
        """Why it ended."""
        if self.code < 0:
            reason = "; out of memory?" if -self.code == getattr(signal, "SIGKILL", 9) else ""
            return f"a worker was killed (signal {-self.code}{reason})"
        said = next((line for line in reversed(self._lines) if line.startswith("error: ")), "")
        return f"a worker failed: {said.removeprefix('error: ') or ' '.join(self._lines[-3:])}"

    def end(self) -> None:
        """Kill it, where it is not over."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stderr):
            if stream is not None:
                stream.close()
