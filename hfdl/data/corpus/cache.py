"""The cache folder for token ids, in which a folder is written completely or not at all.

A folder is written under another name and then renamed. So a folder of the final name is complete,
even after an interruption or where several processes of one run write the same ids at once.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_WEEK = 7 * 24 * 3600.0  # seconds


def cache_folder() -> Path:
    """The folder for token ids: ``tokens`` in ``HFDL_CACHE``, or in ``~/.cache/hfdl``."""
    folder = os.environ.get("HFDL_CACHE")
    return (Path(folder) if folder else Path.home() / ".cache" / "hfdl") / "tokens"


@contextmanager
def write_aside(folder: Path, is_sound: Callable[[Path], bool]) -> Iterator[Path]:
    """A folder to write into, which is renamed to ``folder`` at the end, and removed on an error.

    Of two that do so at once the first is kept. An existing folder that is not sound is replaced.

    Args:
        folder: the final name.
        is_sound: whether a folder holds what it should.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder.parent)
    prefix = f"{folder.name}.{_machine()}-{os.getpid()}."
    aside = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        yield aside
        if folder.exists() and not is_sound(folder):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            aside.rename(folder)
        except OSError:
            if not is_sound(folder):
                raise
    finally:  # also on Ctrl-C; after the renaming there is nothing left
        shutil.rmtree(aside, ignore_errors=True)


def remove_abandoned(cache: Path) -> None:
    """Remove the folders that killed processes were writing aside.

    Of this machine: those whose process is gone. Of others that share the cache: those into which
    nothing was written for a week.
    """
    for aside in cache.glob("*.*-*.*"):
        machine, _, process = aside.name.split(".")[1].partition("-")
        if machine == _machine():
            gone = process.isdigit() and not psutil.pid_exists(int(process))
        else:
            gone = _last_written(aside) < time.time() - _WEEK
        if gone:
            shutil.rmtree(aside, ignore_errors=True)


def _last_written(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return time.time()  # it is being renamed or removed


def _machine() -> str:
    """This machine's name, as eight digits without dots and dashes."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
