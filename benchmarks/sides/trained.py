"""A classifier that several sides answer with: one of them trains it, the others wait for it.

What a precision costs shows in labels of a model that knows something: scores of random weights
are all near a half.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.sides import data, models
from benchmarks.sides.answering import of_label

FILES = ("sst2_stsa/train.tsv", "sst2_stsa/dev.tsv")
LABEL = "1"
"""Whose probability an answer is."""
Answer = Callable[[list[str]], list[float]]


def trained_classifier(settings: SimpleNamespace) -> Path:
    """The folder of the run, trained once in ``settings.folder``, which all sides share."""
    folder = Path(settings.folder) / "trained"
    folder.mkdir(exist_ok=True)
    run, done = folder / "run", folder / "reference.json"
    with _alone(folder / "lock"):
        if not done.is_file():
            _train(settings, run, folder)
            answers = by_pipeline(settings, run, "float32")(dev_rows(settings)[0])
            done.write_text(json.dumps(answers), encoding="utf-8")
    return run


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """While another process is in here, wait; what a process held goes with it."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _train(settings: SimpleNamespace, run: Path, folder: Path) -> None:
    from benchmarks.sides import hfdl_run

    train = data.part(data.path(settings, FILES[0]), folder, settings.rows)
    dev = data.part(data.path(settings, FILES[1]), folder, settings.dev_rows)
    overrides = {
        "model.name": str(models.source(settings)), "data.train": str(train),
        "data.validation": str(dev), "data.max_length": settings.train_length,
        "train.epochs": settings.epochs, "train.precision": "float32",
    }  # fmt: skip
    hfdl_run.train("sentiment", overrides, run)


def by_pipeline(settings: SimpleNamespace, run: Path, precision: str) -> Answer:
    """The probability of ``LABEL``, by hfdl's pipeline as it comes."""
    import hfdl

    # The run's own limit is that of its training rows.
    options: dict[str, Any] = {"long_text": "truncate", "max_length": settings.most_tokens}
    pipe: Any = hfdl.pipeline("sentiment", str(run), precision=precision, **options)
    return lambda texts: [of_label(one, LABEL) for one in pipe(texts)]


def dev_rows(settings: SimpleNamespace) -> tuple[list[str], list[bool]]:
    """Held-out texts, and whether their label is ``LABEL``."""
    header, *lines = data.lines_of(Path(settings.folder) / "trained" / Path(FILES[1]).name)
    rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    return [row["text"] for row in rows], [row["label"] == LABEL for row in rows]


def quality(settings: SimpleNamespace, answer: Answer) -> dict[str, float]:
    """How good answers are on the held-out rows, and how far from those of float32.

    Returns:
        ``accuracy``; ``agreement``: the share of labels that float32 gives too; and
        ``score_error``: the mean distance of the probabilities.
    """
    texts, labels = dev_rows(settings)
    reference = Path(settings.folder) / "trained" / "reference.json"
    expected = json.loads(reference.read_text(encoding="utf-8"))
    found = answer(texts)
    return {
        "accuracy": share([one > 0.5 for one in found], labels),
        "agreement": share([one > 0.5 for one in found], [one > 0.5 for one in expected]),
        "score_error": sum(abs(a - b) for a, b in zip(found, expected, strict=True)) / len(found),
    }


def share(found: Sequence[bool], expected: Sequence[bool]) -> float:
    """How many of two rows of answers are the same."""
    return sum(a == b for a, b in zip(found, expected, strict=True)) / len(expected)
