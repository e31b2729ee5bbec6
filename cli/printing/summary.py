"""What finished runs print: metrics, folder, how to use the model, and some of its predictions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.errors import shell_path

from .text import (
    print_metrics,
    print_saved,
    print_table,
    print_text,
    print_unfolded,
    shorten,
)

if TYPE_CHECKING:
    from hfdl.metrics.bootstrap import Spread
    from hfdl.report.guess import Guess
    from hfdl.report.intervals import Interval
    from hfdl.report.sections.tagged import Sentence
    from hfdl.runs.seeds import SeedRuns

# What a translation's record holds, by the name that a person reads.
_SIDES = (("source", "text"), ("reference", "label"), ("prediction", "prediction"))
_EXAMPLES = 3
_MISTAKES = 5


def print_summary(directory: Path, metrics: Mapping[str, Any]) -> None:
    """Print a run's held-out metrics, its folder, its use, and three of its predictions.

    Args:
        directory: the run's folder.
        metrics: the contents of its metrics.json.
    """
    print()
    print_metrics({split: metrics[split] for split in ("validation", "test") if metrics.get(split)})
    if (directory / "metrics.json").is_file():
        _print_beside(directory)
    _print_examples(directory / "predictions.jsonl", metrics.get("task"))
    print()
    folder = shell_path(directory)
    print_saved(directory)
    mask = metrics.get("mask_token")
    text = f"... {mask} ..." if mask else "..."  # a text without its mask would be refused
    print_unfolded(f'use it:   hfdl predict {folder} "{text}"')


def _print_beside(directory: Path) -> None:
    """Print what a run's figures are to be read beside: chance, and guessing."""
    from hfdl.report.guess import guesses
    from hfdl.report.intervals import intervals
    from hfdl.report.record import read_run
    from hfdl.report.sections.calibration import advice

    record = read_run(directory)
    print_intervals(intervals(record))
    print_guesses(guesses(record))
    if misjudged := advice(record):
        print_text("")
        print_text(f"note: {misjudged}")
        print_unfolded(f"calibrate them: hfdl calibrate {shell_path(directory)}")


def print_intervals(intervals: Sequence[Interval]) -> None:
    """Print how far chance moves the main figure on each split."""
    from hfdl.report.intervals import interval_lines

    for line in interval_lines(intervals):
        print_text(line)


def print_guesses(guesses: Sequence[Guess]) -> None:
    """Print what guessing would reach, and a warning where the model is no better."""
    if guesses:
        print_text("")
    for guess in guesses:
        print_text(f"for comparison: {guess.text()}")
    for guess in guesses:
        if warning := guess.warning():
            print_text(f"warning: {warning}")


def print_mistakes(records: Sequence[Mapping[str, Any]]) -> None:
    """Print the worst mistakes in brief."""
    shown = [record for record in records if "tokens" not in record][:_MISTAKES]
    if shown:
        print_text("")
        print_text(f"the worst of {len(records):,} mistakes:")
        rows = [
            [_words(row["label"]), _words(row["prediction"]), _words(row.get("score", "-")),
             _text(row)]
            for row in shown
        ]  # fmt: skip
        print_table(["label", "prediction", "score", "text"], rows, cut_last=True)
    elif records:
        print_text(f"\nthe worst of {len(records):,} sentences with mistakes:")
        _print_sentences(records[:_EXAMPLES])


def print_seeds(done: SeedRuns) -> None:
    """Print each metric's mean, spread and interval over several seeds, and where they lie."""
    rows = [
        [split, name, f"{spread.mean:.4f}", *_spread(spread)]
        for split, spreads in done.spreads.items()
        for name, spread in spreads.items()
        if "/" not in name
    ]
    print()
    print_table(["split", "metric", "mean", "sd", "95 % interval"], rows)
    print()
    seeds = ", ".join(map(str, done.runs))
    print_text(f"seeds {seeds}; the interval is of seeds and examples drawn again (bootstrap)")
    print_saved(done.directory)


def _print_examples(file: Path, task: str | None) -> None:
    from hfdl.tasks.registry import known_spec

    rows = known_spec(task or "").rows
    if rows == "entities":
        _print_entities(file)
    elif rows == "texts":
        _print_texts(file, file.with_name("log.jsonl"))
    elif rows == "pairs":
        for example in _last_split(file)[:_EXAMPLES]:
            print()
            sides = [[name, _line(example[key])] for name, key in _SIDES]
            print_table(None, sides, cut_last=True)
    elif examples := _right_and_wrong(file):
        print()
        rows = [_row(example) for example in examples]
        print_table(["", "label", "prediction", "text"], rows, cut_last=True)


def _print_entities(file: Path) -> None:
    """Sentences with entities of the last split, one with mistakes among them if there is any."""
    telling = [one for one in _sentences(_last_split(file)) if one.true or one.predicted]
    wrong = [one for one in telling if one.mistakes][:1]
    right = [one for one in telling if not one.mistakes][: _EXAMPLES - len(wrong)]
    _print_sentences([one.record for one in right + wrong])


def _sentences(rows: Sequence[Mapping[str, Any]]) -> list[Sentence]:
    from hfdl.report.sections.tagged import read_sentences

    labels = sorted({tag for row in rows for tag in row.get("label") or []})
    return read_sentences([dict(row) for row in rows], labels)


def _print_sentences(rows: Sequence[Mapping[str, Any]]) -> None:
    for sentence in _sentences(rows):
        sides = [("entities", sentence.true), ("prediction", sentence.predicted)]
        named = [
            [name, ", ".join(_entity(sentence, one) for one in side) or "none"]
            for name, side in sides
        ]
        print()
        print_table(None, [["text", _line(sentence.text)], *named], cut_last=True)


def _entity(sentence: Any, entity: Any) -> str:
    return f"{shorten(sentence.text[entity.start : entity.end])} ({entity.label})"


def _print_texts(predictions: Path, log: Path) -> None:
    """The last samples of a language model, or a masked model's predictions at the masks."""
    from hfdl.report.sections.language import asked_tokens

    events = _records(log) if log.is_file() else iter(())
    samples = [event for event in events if event.get("event") == "samples"][-1:]
    for sample in [one for event in samples for one in event["samples"]][:_EXAMPLES]:
        print()
        named = [[name, _line(sample.get(name))] for name in ("prompt", "text")]
        print_table(None, named, cut_last=True)
    pairs = [pair for row in _last_split(predictions)[:1] for pair in asked_tokens(row)]
    if pairs:
        print()
        rows = [[str(pair["target"]), str(pair["prediction"])] for pair in pairs[: 2 * _EXAMPLES]]
        print_table(["masked", "prediction"], rows)


def _last_split(file: Path) -> list[dict[str, Any]]:
    """The records of the last split in a run's predictions.jsonl; none where there is no file."""
    rows = list(_records(file)) if file.is_file() else []
    return [row for row in rows if row.get("split") == rows[-1].get("split")]


def _right_and_wrong(file: Path) -> list[dict[str, Any]]:
    """Right predictions of the last split, and a wrong one if there is any."""
    rows = _last_split(file)
    wrong = [row for row in rows if row.get("label") != row.get("prediction")][:1]
    right = [row for row in rows if row.get("label") == row.get("prediction")]
    return right[: _EXAMPLES - len(wrong)] + wrong


def _records(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _row(record: Mapping[str, Any]) -> list[str]:
    label, prediction = record.get("label"), record.get("prediction")
    verdict = "right" if label == prediction else "wrong"
    return [verdict, _words(label), _words(prediction), _text(record)]


def _text(record: Mapping[str, Any]) -> str:
    texts = [record[key] for key in ("text", "text_pair") if record.get(key) is not None]
    return _line(" | ".join(map(str, texts)))


def _line(text: Any) -> str:
    return " ".join(str(text).split())


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _spread(spread: Spread) -> tuple[str, str]:
    """Standard deviation and interval; a dash where there is none."""
    sd = "-" if spread.sd is None else f"{spread.sd:.4f}"
    return sd, "-" if spread.low is None else f"{spread.low:.4f} to {spread.high:.4f}"
