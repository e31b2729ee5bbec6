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
    mask = metrics.get("mask_token")
    text = f"... {mask} ..." if mask else "..."  # a text without its mask would be refused
    print_text(f'use it:   hfdl predict {folder} "{text}"')


def _print_examples(file: Path, task: str | None) -> None:
    from hfdl.tasks.registry import known_spec

    rows = known_spec(task or "").rows
    if rows == "entities":
        _print_entities(file)
    elif rows == "texts":
        _print_texts(file, file.with_name("log.jsonl"))
    elif rows == "pairs":
        for example in first_predictions(file):
            print()
            print_table(None, [[name, shorten(str(example[key]))] for name, key in _SIDES])
    elif examples := example_predictions(file):
        print()
        print_table(["", "label", "prediction", "text"], [_row(example) for example in examples])


def _print_entities(file: Path, most: int = 3) -> None:
    """Sentences with entities of the last split, one with mistakes among them if there is any."""
    from hfdl.report.sections.tagged import read_sentences

    rows = list(_records(file)) if file.is_file() else []
    rows = [row for row in rows if row.get("split") == rows[-1].get("split")]
    labels = sorted({tag for row in rows for tag in row.get("label") or []})
    telling = [one for one in read_sentences(rows, labels) if one.true or one.said]
    wrong = [one for one in telling if one.mistakes][:1]
    right = [one for one in telling if not one.mistakes][: most - len(wrong)]
    for sentence in right + wrong:
        sides = [("entities", sentence.true), ("prediction", sentence.said)]
        named = [
            [name, ", ".join(_entity(sentence, one) for one in found) or "none"]
            for name, found in sides
        ]
        print()
        print_table(None, [["text", shorten(sentence.text)], *named])


def _entity(sentence: Any, entity: Any) -> str:
    start, end = sentence.characters(entity)
    return f"{shorten(sentence.text[start:end])} ({entity.label})"


def _print_texts(predictions: Path, log: Path, most: int = 3) -> None:
    """What a language model last wrote; of a masked one, what it said in the place of masks."""
    from hfdl.report.sections.language import asked_tokens

    events = _records(log) if log.is_file() else iter(())
    samples = [event for event in events if event.get("event") == "samples"][-1:]
    for sample in [one for event in samples for one in event["samples"]][:most]:
        print()
        print_table(None, [[name, shorten(str(sample.get(name)))] for name in ("prompt", "text")])
    pairs = [pair for row in first_predictions(predictions, 1) for pair in asked_tokens(row)]
    if pairs:
        print()
        rows = [[str(pair["target"]), str(pair["prediction"])] for pair in pairs[: 2 * most]]
        print_table(["masked", "prediction"], rows)


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
