"""Signals between the runs of a study: what a run would have taken is kept for the next one."""

from __future__ import annotations

import signal
from pathlib import Path

from hfdl.training.events import Interrupted
from hfdl.training.signals import SignalWatch


class Watch(SignalWatch):
    """While active, SIGINT and SIGTERM stop the study: the run that goes on saves a checkpoint."""

    def __enter__(self) -> Watch:
        super().__enter__()
        return self

    def pass_on(self) -> None:
        """Give a signal that came before a run listened to the run that listens now."""
        if self.signum is not None:
            signum, self.signum = self.signum, None
            signal.raise_signal(signum)

    def stop_if_asked(self, folder: Path) -> None:
        """End the study where a signal came between its runs.

        Raises:
            Interrupted: nothing was going on that would have to be saved.
        """
        if self.signum is not None:
            raise Interrupted(self.signum, 0, str(folder))
