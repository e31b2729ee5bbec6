"""What a finished run prints: its figures, where it lies, how to use it, and what it says."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .output import print_metrics, print_table, print_text, shorten

# What a translation's record holds, by the name that a person reads.
_SIDES = (("source", "text"), ("reference", "label"), ("prediction", "prediction"))


def print_summary(directory: Path, metrics: Mapping[str, Any]) -> None:
    """Print a run's held-out metrics, its folder, its use, and three of its predictions.

    Args:
        directory: the run's folder.
        metrics: the contents of its metrics.json.
    """
    print()
    print_metrics({split: metrics[split] for split in ("validation", "test") if metrics.get(split)})
    _print_examples(directory / "predictions.jsonl", metrics.get("task"))
    print()
    folder = shlex.quote(str(directory))
    print_text(f"saved in {directory}")
    print_text(f'use it:   hfdl predict {folder} "..."')


def _print_examples(file: Path, task: str | None) -> None:
    if task == "translation":
        for example in first_predictions(file):
            print()
            print_table(None, [[name, shorten(str(example[key]))] for name, key in _SIDES])
    elif examples := example_predictions(file):
        print()
        print_table(["", "label", "prediction", "text"], [_row(example) for example in examples])


def first_predictions(file: Path, most: int = 3) -> list[dict[str, Any]]:
    """The first predictions of the last split in the file.

    Args:
        file: a run's predictions.jsonl.
        most: how many.
    """
    if not file.is_file():
        return []
    kept: dict[str, list[dict[str, Any]]] = {}
    split = ""
    for record in _records(file):
        split = record.get("split", "")
        found = kept.setdefault(split, [])
        if len(found) < most:
            found.append(record)
    return kept.get(split, [])


def example_predictions(file: Path, most: int = 3) -> list[dict[str, Any]]:
    """Right predictions of the last split in the file, and a wrong one if there is any.

    Args:
        file: a run's predictions.jsonl.
        most: how many in all.
    """
    if not file.is_file():
        return []
    right: dict[str, list[dict[str, Any]]] = {}
    wrong: dict[str, dict[str, Any]] = {}
    split = ""
    for record in _records(file):
        split = record.get("split", "")
        if record.get("label") == record.get("prediction"):
            kept = right.setdefault(split, [])
            if len(kept) < most:
                kept.append(record)
        else:
            wrong.setdefault(split, record)
    mistakes = [wrong[split]] if split in wrong else []
    return right.get(split, [])[: most - len(mistakes)] + mistakes


def _records(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _row(record: Mapping[str, Any]) -> list[str]:
    label, prediction = record.get("label"), record.get("prediction")
    verdict = "right" if label == prediction else "wrong"
    return [verdict, _words(label), _words(prediction), shorten(str(record.get("text", "")))]


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
