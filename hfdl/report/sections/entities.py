"""Entities: how well each type is found, and sentences to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.report import counts, wording
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, evenly, group, render, where
from hfdl.report.sections.tagged import (
    BOUNDARIES,
    MISSED,
    RIGHT,
    TYPE,
    Sentence,
    read_sentences,
    segments,
)

if TYPE_CHECKING:
    from markupsafe import Markup

WORST = 20
SURE = 10
SAMPLE = 10
AROUND = 120
"""Characters that stay beside an entity in a long text."""

_SAID = {
    "right": "right",
    "boundaries": "over other words",
    "type": "with another type",
    "missed": "missed",
    "spurious": "where there is none",
}


def build_table(record: RunRecord) -> Section | None:
    """Precision, recall and F1 of each type, and what became of the entities not found."""
    return by_split(record, "entities", "Entities", _table)


def build_examples(record: RunRecord) -> Section | None:
    """Sentences with their entities marked."""
    return by_split(record, "examples", "Examples to read", _examples)


def tally(sentences: Sequence[Sentence]) -> counts.Tally:
    """How often each type was right, was predicted and was there."""
    support = Counter(entity.label for one in sentences for entity in one.true)
    predicted = Counter(entity.label for one in sentences for entity in one.predicted)
    hits = Counter(entity.label for one in sentences for entity in {*one.true} & {*one.predicted})
    types = sorted({*support, *predicted})
    columns = [np.array([counter[name] for name in types], dtype=np.int64)
               for counter in (hits, predicted, support)]  # fmt: skip
    return counts.Tally(types, *columns)


def fates(sentences: Sequence[Sentence]) -> dict[str, Counter[str]]:
    """The outcomes of the true entities by type; those of all types under ``""``."""
    by_type: dict[str, Counter[str]] = {"": Counter()}
    for sentence in sentences:
        for entity in sentence.true:
            fate = sentence.fate(entity)
            by_type.setdefault(entity.label, Counter())[fate] += 1
            by_type[""][fate] += 1
    return by_type


def _table(record: RunRecord, split: str, rows: list[Record]) -> Markup | None:
    sentences = read_sentences(rows, record.labels)
    if not sentences:
        return None
    counted = tally(sentences)
    by_type = fates(sentences)
    figures = [
        {"figures": _by_sentence(row, sentences, row.label),
         "shares": _shares(by_type.get(row.label, Counter()))}
        for row in counts.label_figures(counted)
    ]  # fmt: skip
    averages = [
        _by_sentence(row, sentences, None) if row.label == "micro average" else row
        for row in counts.averages(counted, several=True)
    ]
    foot = [
        {"figures": row, "shares": _shares(by_type[""]) if row.label == "micro average" else None}
        for row in averages
        if row.label != "weighted average"
    ]
    return render("entities.html", rows=figures, foot=foot)


def _by_sentence(
    row: counts.LabelFigures, sentences: Sequence[Sentence], kind: str | None
) -> counts.LabelFigures:
    """With F1's interval from sentences drawn again: the entities of one are not independent."""
    numbers = [
        [len(true & said), len(said), len(true)]
        for true, said in (
            ({e for e in one.true if kind in (None, e.label)},
             {e for e in one.predicted if kind in (None, e.label)})
            for one in sentences
        )
    ]  # fmt: skip
    return replace(row, f1_ends=counts.f1_interval(np.array(numbers)))


def _shares(fate: Counter[str]) -> list[float | None]:
    total = fate.total()
    return [fate[name] / total if total else None for name in (BOUNDARIES, TYPE, MISSED)]


def _examples(record: RunRecord, split: str, rows: list[Record]) -> Markup | None:
    sentences = read_sentences(rows, record.labels)
    if not sentences:
        return None
    wrong = [one for one in sentences if one.mistakes]
    worst = sorted(wrong, key=lambda one: (-one.mistakes, one.record.get("index", 0)))
    sure = sorted(
        ((*best, one) for one in wrong if (best := _surest(one))),
        key=lambda found: (-found[0], found[2].record.get("index", 0)),
    )
    # A sentence without entities shows little.
    sample = evenly([one for one in sentences if one.true or one.predicted] or sentences, SAMPLE)
    most = [_example(one, _verdict(one)) for one in worst[:WORST]]
    surest = [_example(one, said) for _, said, one in sure[:SURE]]
    any_of_them = [_example(one, _verdict(one)) for one in sample]
    groups = [
        group("Most mistakes", most, len(wrong), "sentence", " with mistakes"),
        group("Most confident mistakes", surest, len(sure), "sentence", " with a wrong entity"),
        group("A sample", any_of_them, len(sentences), "sentence"),
    ]
    return render("tagged.html", groups=groups)


def _example(sentence: Sentence, verdict: str) -> dict[str, Any]:
    return {
        "segments": segments(sentence, AROUND),
        "where": where(sentence.record),
        "verdict": verdict,
    }


def _verdict(sentence: Sentence) -> str:
    """``2 right, 1 missed, 1 where there is none``."""
    outcomes = Counter(sentence.fate(entity) for entity in sentence.true)
    extra = Counter(sentence.worth(entity) for entity in sentence.predicted)
    outcomes["spurious"] = extra["spurious"]
    parts = [f"{outcomes[fate]} {words}" for fate, words in _SAID.items() if outcomes[fate]]
    return ", ".join(parts) or "no entity, none said"


def _surest(sentence: Sentence) -> tuple[float, str] | None:
    """The score of the surest wrong entity and a sentence on it; None where none has a score."""
    true = set(sentence.true)
    scored = [
        entity
        for entity in sentence.record.get("entities") or []
        if isinstance(entity, dict) and isinstance(entity.get("score"), (int, float))
        and (entity.get("start"), entity.get("end"), entity.get("label")) not in true
    ]  # fmt: skip
    if not scored:
        return None
    best = max(scored, key=lambda entity: entity["score"])
    said = wording.clip(str(best.get("text") or ""), 60)
    return float(best["score"]), f"{said!r} {best['label']}, score {wording.percent(best['score'])}"


def recalls(sentences: Sequence[Sentence]) -> list[tuple[str, int, float]]:
    """Type, number of entities and share found of each type that there is."""
    return [
        (name, fate.total(), fate[RIGHT] / fate.total())
        for name, fate in fates(sentences).items()
        if name and fate.total()
    ]
