"""Metrics of the user's own that change while a run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hfdl
from hfdl.errors import ConfigError
from hfdl.training.events import Event

pytestmark = pytest.mark.usefixtures("without_report")

CHANGING = """
calls = []


def renamed(predictions, references):
    calls.append(1)
    return {f"call_{len(calls)}": 0.5}


def undefined(predictions, references):
    return float("nan")
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(CHANGING, encoding="utf-8")
    return file


def chosen(settings: dict[str, Any], own: Path, name: str, best: str) -> dict[str, Any]:
    more = {"train.metrics": [f"{own}:{name}"], "train.best_metric": best, "train.steps": 3}
    return {**settings, **more}


def test_a_name_that_is_gone_is_told(own: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the evaluation has no 'call_1', which picks the best"):
        hfdl.train(
            "sentiment", chosen(settings, own, "renamed", "call_1"), output=tmp_path / "run",
            listener=lambda event: None,
        )  # fmt: skip


def test_where_nothing_could_be_best_a_line_says_so(
    own: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    heard: list[Event] = []
    run = hfdl.train(
        "sentiment", chosen(settings, own, "undefined", "undefined"), output=tmp_path / "run",
        listener=heard.append,
    )  # fmt: skip
    assert run.metrics["best"] is None
    notes = [event.text for event in heard if event.kind == "note"]  # pyright: ignore[reportAttributeAccessIssue]
    assert "undefined was never a number: saved are the last weights" in notes
