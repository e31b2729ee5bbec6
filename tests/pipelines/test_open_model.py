"""What is kept of an opened model: as many sets of options as are used, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hfdl
from hfdl.pipelines.open_model import MOST_TASKS

TEXT = "what a good film, and a very long story that goes on and on"


def test_task_objects_of_ever_new_options_are_not_all_kept(trained: Path) -> None:
    """A server's clients choose max_length; each would be kept for good otherwise."""
    pipe: Any = hfdl.pipeline(model=trained)
    opened = pipe._opened
    alone = {
        n: hfdl.pipeline(model=trained, max_length=n)(TEXT, top_k=None) for n in (5, 30)
    }  # fmt: skip
    for length in (5, *range(8, 40), 5, 30):
        pipe(TEXT, max_length=length)
        assert len(opened.tasks) <= MOST_TASKS
    for length, expected in alone.items():
        assert pipe(TEXT, max_length=length, top_k=None) == expected


def test_options_in_use_are_made_once(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe: Any = hfdl.pipeline(model=trained)
    opened = pipe._opened
    kept = {n: opened.task({"max_length": n}) for n in (5, 6)}
    for length in range(8, 30):
        opened.task({"max_length": length})
        assert opened.task({"max_length": 5}) is kept[5]
    assert opened.task({"max_length": 6}) is not kept[6]
