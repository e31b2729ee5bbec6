"""Small searches over counts of words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hfdl
from hfdl.search.study import Study

RECIPE = "eras/bag-of-words"
SMALL = {
    "search.train.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    "search.train.weight_decay": {"low": 0.0, "high": 0.5},
    "train.epochs": 2,
    "data.max_samples": 80,
    "study.trials": 3,
    "study.fresh_seeds": 0,
    "study.reports": False,
}


@pytest.fixture
def search(tmp_path: Path) -> Callable[..., Study]:
    """A small search in a folder of its own, with more overrides."""

    def made(name: str = "study", **more: Any) -> Study:
        given = {**SMALL, **{key.replace("__", "."): value for key, value in more.items()}}
        resume = given.pop("resume", False)
        workers = given.pop("workers", 1)
        given = {key: value for key, value in given.items() if value is not ...}
        return hfdl.tune(
            RECIPE, given, output=tmp_path / name, resume=resume, workers=workers,
            listener=lambda event: None,
        )  # fmt: skip

    return made
