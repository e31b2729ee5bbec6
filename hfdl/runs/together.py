"""What is said where another process of a run, or a whole machine, is gone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hfdl.errors import to_resume
from hfdl.training.distributed.heartbeat import Heartbeat, end_this_process, lost_another
from hfdl.training.distributed.launched import MEETING, has_lost_another


@contextmanager
def together(folder: Path) -> Iterator[None]:
    """While active, another process that is gone is an error that says how to go on.

    hfdl's own launcher says it itself, and knows more: which one was killed, and by what.

    Args:
        folder: the run's.

    Raises:
        TrainingError: a connection to another process has broken.
    """

    def lost(who: str) -> None:
        end_this_process(lost_another(who, to_resume(folder)))

    try:
        with Heartbeat(lost):
            yield
    except RuntimeError as error:
        if MEETING in os.environ or not has_lost_another(error):
            raise
        gone = "another process of this run is gone (its connection broke)"
        raise lost_another(gone, to_resume(folder)) from error
