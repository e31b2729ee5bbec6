"""Whole runs with their quality over seeds, which an earlier form of these programs recorded.

Their files hold a row for each side and seed: the seconds of the whole process and of training, by
the wall clock, and a score.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.ratio import ratio_of

FOLDER = Path(__file__).resolve().parents[1] / "results"


@dataclass(frozen=True)
class WholeRun:
    """A file of such rows.

    Args:
        file: its name, without the ending.
        work: what was done.
        score: the figure that says how good the result is, and its word.
    """

    file: str
    work: str
    score: tuple[str, str]


RUNS = (
    WholeRun(
        "sentiment_vs_trainer", "sentences of SST-2, MiniLM, 3 epochs", ("accuracy", "accuracy")
    ),
    WholeRun("ner_wnut17", "entities of WNUT-17, MiniLM, 5 epochs", ("f1", "F1")),
    WholeRun("ner_wikigold", "entities of Wikigold, MiniLM, 5 epochs", ("f1", "F1")),
    WholeRun(
        "characters_vs_plain_loop",
        "2,000 updates of a character model; the plain loop in float32", ("loss", "loss"),
    ),
    WholeRun(
        "characters_vs_plain_loop_bf16", "the same, both sides in bf16", ("loss", "loss"),
    ),
    WholeRun(
        "characters_vs_plain_loop_float32", "the same, both sides in float32", ("loss", "loss"),
    ),
    WholeRun(
        "characters_vs_plain_loop_avx2", "the same, float32, another processor", ("loss", "loss"),
    ),
)  # fmt: skip


def cells(run: WholeRun, folder: Path = FOLDER) -> list[str]:
    """A row of the table: work, opponent, two ratios, two scores, the machine."""
    rows = json.loads((folder / f"{run.file}.json").read_text(encoding="utf-8"))
    ours, theirs = dict.fromkeys(row["side"] for row in sorted(rows, key=_hfdl_first))
    ratios = [
        str(ratio_of(_column(rows, theirs, name), _column(rows, ours, name)))
        for name in ("seconds", "train_seconds")
    ]
    figure, word = run.score
    scores = [_spread(word, _column(rows, side, figure)) for side in (ours, theirs)]
    return [run.work, theirs, *ratios, *scores, machine(rows)]


def machine(rows: list[dict[str, Any]]) -> str:
    """Processor, precision of hfdl and threads."""
    facts = next(row["environment"] for row in rows if "environment" in row)
    name = facts["cpu"].replace("(R)", "")
    return f"{name}, {facts['precision']}, {facts['threads']} threads"


def _hfdl_first(row: dict[str, Any]) -> bool:
    return row["side"] != "hfdl"


def _column(rows: list[dict[str, Any]], side: str, figure: str) -> list[float]:
    by_seed = {row["seed"]: row[figure] for row in rows if row["side"] == side}
    return [by_seed[seed] for seed in sorted(by_seed)]


def _spread(word: str, values: list[float]) -> str:
    spread = f"{statistics.mean(values):.3f} +/- {statistics.stdev(values):.3f}"
    return f"{word} {spread}".strip()
