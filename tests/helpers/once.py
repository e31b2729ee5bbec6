"""What takes long is made once for all workers of a test run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock


@contextmanager
def once(factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder that all workers see, and whether this one is to fill it; the others wait.

    Args:
        factory: pytest's.
        name: of the folder.
    """
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        is_first = not folder.exists()
        folder.mkdir(exist_ok=True)
        yield folder, is_first
