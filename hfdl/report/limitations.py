"""Limitations of a run's figures, as sentences made from its own facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from hfdl.report import counts, wording
from hfdl.report.guess import SINGLE
from hfdl.report.intervals import interval_of
from hfdl.report.record import RunRecord
from hfdl.report.sections import entities
from hfdl.report.sections.calibration import misjudged
from hfdl.report.sections.tagged import Sentence, read_sentences
from hfdl.tasks.registry import attribute

FEW = 30
"""Examples of a label below which its figures say little."""
WEAKER = 0.05
"""Share by which a label must be found less often than the average to be worth a sentence."""
MOST_NAMES = 12
"""Labels that a sentence names."""
NEAR = 0.1
"""Share of entities found with wrong borders that is worth a sentence."""


def limits(record: RunRecord) -> list[str]:
    """The limits of a run, the gravest first."""
    sentences = [
        _unfinished(record),
        _class(record),
        _attention(record),
        _no_test(record),
        _thresholds(record),
        _width(record),
        _balance(record),
        _unmeasured(record),
        _rare(record),
        _weakest(record),
        _confidence(record),
        *_of_task(record),
        _cut(record),
        _seed(record),
    ]
    return [sentence for sentence in sentences if sentence]


def _unfinished(record: RunRecord) -> str | None:
    end = record.end
    if end.get("reason") == "interrupted":
        return f"Training was interrupted after update {wording.number(end['step'])}."
    return None


def _attention(record: RunRecord) -> str | None:
    """Where the weights belong to an attention that the saved class has not."""
    path = record.section("model").get("attention") or ""
    if ":" not in path:
        return None
    source, _, name = path.rpartition(":")
    return (
        f"The weights were trained with an attention of their own, {name} of {Path(source).name}. "
        "hfdl uses it again where that file stands as it was. Plain transformers opens the folder "
        "with its usual attention: its answers are then others, and these figures do not hold."
    )


def _class(record: RunRecord) -> str | None:
    """Where the weights belong to a class of the user's own."""
    path = record.section("model").get("class") or ""
    if not path:
        return None
    named = f", {path.rpartition(':')[2]} of {Path(path.rpartition(':')[0]).name}"
    return (
        f"The weights belong to a model class of their own{'' if '://' in path else named}. "
        "transformers' Auto classes do not know it: open the folder with hfdl, or with the class."
    )


def _no_test(record: RunRecord) -> str | None:
    if record.splits != ["validation"]:
        return None
    return (
        "There is no test split. The validation split also picked the best weights, "
        "so its figures are a little too good."
    )


def _thresholds(record: RunRecord) -> str | None:
    """Where labels are given by thresholds that plain transformers does not know."""
    if not record.metrics.get("thresholds"):
        return None
    tuned = record.section("tune").get("threshold") == "best"
    flatters = " They were tuned on the validation split: its figures are a little too good."
    return (
        "A label is given from its own threshold on (label_thresholds in config.json). hfdl "
        "answers by them; plain transformers gives the scores and leaves the choice to its user."
        + (flatters if tuned else "")
    )


def _width(record: RunRecord) -> str | None:
    for split in record.splits[:1]:
        interval = interval_of(record, split, "accuracy")
        if interval:
            low, high = (wording.percent(end) for end in interval)
            many = wording.plural(len(record.on(split)), f"{split} example")
            return f"The accuracy comes from {many}: it may well be anything from {low} to {high}."
    return None


def _support(record: RunRecord) -> Counter[str]:
    if record.problem_type != SINGLE or not record.splits:
        return Counter()
    support = Counter(dict.fromkeys(record.labels, 0))
    support.update(str(row["label"]) for row in record.on(record.splits[0]))
    return support if support.total() else Counter()


def _balance(record: RunRecord) -> str | None:
    support = _support(record)
    if len(support) < 2:
        return None
    ordered = sorted(support.items(), key=lambda pair: (-pair[1], pair[0]))
    (most, largest), (least, smallest) = ordered[0], ordered[-1]
    if largest < 1.5 * max(smallest, 1):
        return None
    return (
        f"The labels are uneven in the {record.splits[0]} split: {most!r} makes up "
        f"{wording.percent(largest / support.total())} of it, {least!r} "
        f"{wording.percent(smallest / support.total())}."
    )


def _unmeasured(record: RunRecord) -> str | None:
    """The labels that the first split lacks."""
    split = record.splits[0] if record.splits else ""
    names = (record.metrics.get("not_measured") or {}).get(split) or []
    if not names:
        return None
    more = len(names) - MOST_NAMES
    shown = ", ".join(map(repr, names[:MOST_NAMES])) + (f" and {more} more" if more > 0 else "")
    return (
        f"No example of the {split} split has {shown}: the figures do not measure how well the "
        "model finds that."
    )


def _rare(record: RunRecord) -> str | None:
    support = _support(record)
    return _small(support.values(), record.splits[0], "label", "examples") if support else None


def _small(sizes: Collection[int], split: str, noun: str, unit: str) -> str | None:
    """Which of the labels or types have few examples or entities in a split."""
    rare = sum(size < FEW for size in sizes)
    if not rare:
        return None
    whose = f"one {noun} has" if rare == 1 else f"{rare} of {len(sizes)} {noun}s have"
    return (
        f"In the {split} split {whose} fewer than {FEW} {unit}: figures by {noun} are rough there."
    )


def _weakest(record: RunRecord) -> str | None:
    if not _support(record):
        return None
    rows = record.on(record.splits[0])
    table = counts.label_figures(counts.tally(rows, counts.complete_labels(record.labels, rows)))
    measured = [(row.recall, row.label) for row in table if row.recall is not None]
    recall, label = min(measured)
    overall = sum(counts.is_right(row) for row in rows) / len(rows)
    if recall > overall - WEAKER:
        return None
    return f"The label found least often is {label!r}: {wording.percent(recall)} of its examples."


def _confidence(record: RunRecord) -> str | None:
    said = misjudged(record)
    return f"{said[0].upper()}{said[1:]}. Do not read them as probabilities." if said else None


def _of_task(record: RunRecord) -> list[str]:
    """The limits that only this task has."""
    limits_of_task = record.spec.limitations
    return attribute(limits_of_task)(record) if limits_of_task and record.splits else []


def of_entities(record: RunRecord) -> list[str]:
    """The limits of the figures by type of entity."""
    split = record.splits[0]
    sentences = read_sentences(record.on(split), record.labels)
    sizes = [total for _, total, _ in entities.recalls(sentences)]
    sentences_on_types = [
        _small(sizes, split, "type", "entities"), _weakest_type(sentences), _borders(sentences)
    ]  # fmt: skip
    return [sentence for sentence in sentences_on_types if sentence]


def _weakest_type(sentences: list[Sentence]) -> str | None:
    types = entities.recalls(sentences)
    if len(types) < 2:
        return None
    recall, name = min((recall, name) for name, _, recall in types)
    every = sum(total for _, total, _ in types)
    if recall > sum(total * share for _, total, share in types) / every - WEAKER:
        return None
    return f"The type found least often is {name!r}: {wording.percent(recall)} of its entities."


def _borders(sentences: list[Sentence]) -> str | None:
    """Whether many entities are found but not word for word."""
    fate = entities.fates(sentences)[""]
    near, total = fate["boundaries"], fate.total()
    if not total or near < NEAR * total:
        return None
    return (
        f"{wording.percent(near / total)} of the entities were found with their type but not with "
        "all their words and no others; they count as mistakes."
    )


def _cut(record: RunRecord) -> str | None:
    data = record.section("data")
    if data.get("max_length") is None:
        return None
    fate = record.spec.long_texts.get(str(data.get("long_text") or record.spec.long_text))
    length = wording.number(data["max_length"])
    return f"The model takes {length} tokens at a time; {fate}." if fate else None


def _seed(record: RunRecord) -> str | None:
    seed = record.section("train").get("seed")
    if seed is None:
        return None
    return f"This is one run with seed {seed}. Another seed gives somewhat different figures."
