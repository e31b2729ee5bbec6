"""What the user's own code raises while it trains, and how the run goes on from there."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from hfdl.config.own_code import line_of_own_code, no_exit
from hfdl.errors import HfdlError, to_resume
from hfdl.training.distributed.launched import CONTINUE


@contextmanager
def own_faults(folder: Path, files: Collection[Path] = ()) -> Iterator[None]:
    """While active, what own code raises says how to go on from the last checkpoint.

    Another exception than hfdl's keeps its type and gets a note, which Python prints below it.

    Args:
        folder: the run's.
        files: those that a run may be resumed with only as they are.

    Raises:
        OwnCodeError: own code tried to end the program.
    """
    try:
        yield
    except SystemExit as leave:
        way = _way_on(leave, folder, files)
        with no_exit(f". {way}" if way else ""):
            raise
    except Exception as error:
        own = not isinstance(error, HfdlError) and line_of_own_code(error)
        if own and (way := _way_on(error, folder, files)):
            error.add_note(way)
        raise


def _way_on(error: BaseException, folder: Path, files: Collection[Path]) -> str | None:
    """Where the run can be gone on from, and how; None before its first checkpoint."""
    steps = [path.name.partition("-")[2] for path in folder.glob("checkpoints/step-*")]
    if not steps:
        return None
    saved = f"Update {max(map(int, steps))} is saved in {folder}."
    command = os.environ.get(CONTINUE) or to_resume(folder)
    file = (line_of_own_code(error) or "").rpartition(", line ")[0]
    if file and Path(file).resolve() in [each.resolve() for each in files]:
        return f"{saved} With {file} as it is, continue with: {command}"
    return f"{saved} Continue with: {command}"
