"""Texts to begin with: what a run was evaluated on, or some of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hfdl.demo.models import DemoModel
from hfdl.demo.panel import Panel

COUNT = 4
LENGTH = 200
"""Characters of an example; longer texts fill the screen."""
_READ = 500
"""Rows of predictions.jsonl that are looked through."""


def examples_of(panel: Panel) -> list[list[str]]:
    """A few texts for a page: held-out texts of the first run that recorded some, else our own."""
    for model in panel.models:
        texts = [panel.example(row) for row in _rows(model)]
        short = [t for t in texts if t is not None and max(map(len, t)) <= LENGTH]
        if found := [*dict.fromkeys(short)]:
            # From all over the file: neighbours often have one label, or one source.
            chosen = found[:: max(1, len(found) // COUNT)][:COUNT]
            return [list(texts) for texts in chosen]
    return [list(texts) for texts in panel.own_examples]


def _rows(model: DemoModel) -> Iterator[Mapping[str, Any]]:
    """The first rows of a run's predictions.jsonl; none where there is no such file."""
    if model.folder is None or model.recipe is None:
        return
    try:
        with (model.folder / "predictions.jsonl").open(encoding="utf-8") as lines:
            for line, _ in zip(lines, range(_READ), strict=False):
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row
    except (OSError, ValueError, RecursionError):  # no file, or one that somebody has edited
        return
