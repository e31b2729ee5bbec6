"""Sentences with their true and predicted entities, as the report shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfdl.report.record import Record
from hfdl.report.wording import clip

if TYPE_CHECKING:
    from hfdl.data.entities.sentence import Span

RIGHT, BOUNDARIES, TYPE, MISSED, SPURIOUS = "right", "boundaries", "type", "missed", "spurious"
"""What became of an entity: found as it is, over other words, with another type, not at all; and
of a predicted one that nothing was there for."""


@dataclass(frozen=True)
class Sentence:
    """One example: its text and its entities, these as characters of the text."""

    record: Record
    text: str
    true: list[Span]
    predicted: list[Span]

    def fate(self, entity: Span) -> str:
        """What became of a true entity."""
        return _fate(entity, self.predicted, MISSED)

    def worth(self, entity: Span) -> str:
        """What a predicted entity was worth."""
        return _fate(entity, self.true, SPURIOUS)

    @property
    def mistakes(self) -> int:
        """True entities that were not found as they are, and predicted ones that are not there."""
        return len({*self.true} ^ {*self.predicted})


def read_sentences(rows: Iterable[Record], labels: Sequence[str]) -> list[Sentence]:
    """The rows of ``predictions.jsonl`` that have words and tags."""
    scheme = scheme_of(labels)
    return [_sentence(row, scheme) for row in rows if row.get("tokens") is not None]


def scheme_of(labels: Sequence[str]) -> str:
    """The scheme of a model's tags: BIOES, BILOU or BIO."""
    prefixes = {label.split("-", 1)[0] for label in labels if "-" in label}
    if prefixes & {"L", "U"}:
        return "BILOU"
    return "BIOES" if prefixes & {"E", "S"} else "BIO"


def _sentence(row: Record, scheme: str) -> Sentence:
    from hfdl.data.entities.sentence import Span, characters_of
    from hfdl.data.entities.tags import read_entities

    tokens = [str(token) for token in row["tokens"]]
    text, words = _locate(str(row.get("text") or ""), tokens)
    sides = [
        characters_of(read_entities([str(tag) for tag in row[key]], scheme)[0], words)
        for key in ("label", "prediction")
    ]
    listed = row.get("true_entities")  # what no tag can say is among them
    if listed is not None and text == row.get("text"):
        sides[0] = [Span(one["start"], one["end"], str(one["label"])) for one in listed]
    return Sentence(row, text, *sides)


def _locate(text: str, tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """A text and where its words stand; the words joined by blanks where the text lacks one."""
    words, end = [], 0
    for token in tokens:
        start = text.find(token, end)
        if start < 0:
            return _locate(" ".join(tokens), tokens)
        end = start + len(token)
        words.append((start, end))
    return text, words


def _fate(entity: Span, others: Sequence[Span], alone: str) -> str:
    if entity in others:
        return RIGHT
    near = [one for one in others if one.start < entity.end and entity.start < one.end]
    if any(one.label == entity.label for one in near):
        return BOUNDARIES
    return TYPE if near else alone


@dataclass(frozen=True)
class Segment:
    """A stretch of text; ``kind`` is empty outside of entities, ``note`` says what a mark means."""

    text: str
    kind: str = ""
    note: str = ""


def segments(sentence: Sentence, around: int) -> list[Segment]:
    """A text with a mark for each true entity, and for each predicted one where there is none.

    So the marks are as many as the outcomes that are counted: ``fate`` and ``worth`` name each.

    Args:
        sentence: the example.
        around: of a longer stretch without entities only so many characters stay at either end.
    """
    marks = list(_marks(sentence))
    parts, previous = [], 0
    for start, end, kind, note in marks:
        parts.append(Segment(_shortened(sentence.text[previous:start], around, first=not previous)))
        parts.append(Segment(sentence.text[start:end], kind, note))
        previous = end
    rest = sentence.text[previous:]
    parts.append(Segment(_shortened(rest, around, first=not marks, last=True)))
    return [segment for segment in parts if segment.text]


def _marks(sentence: Sentence) -> Iterator[tuple[int, int, str, str]]:
    """Start, end, kind and note of each mark, in the order of the text; none overlaps another."""
    found = [(one, sentence.fate(one)) for one in dict.fromkeys(sentence.true)]
    alone = [one for one in sentence.predicted if sentence.worth(one) == SPURIOUS]
    found += [(one, SPURIOUS) for one in alone]
    previous = 0
    for entity, kind in sorted(found):
        start = max(entity.start, previous)  # true ones of a text with spans may overlap
        stretch = sentence.text[start : entity.end]
        if stretch.strip():
            start += len(stretch) - len(stretch.lstrip())
            previous = start + len(stretch.strip())
            yield start, previous, kind, _note(sentence, entity, kind)


def _note(sentence: Sentence, entity: Span, kind: str) -> str:
    """What a mark says: the true type, and what was said of its words where that is another."""
    if kind == RIGHT:
        return entity.label
    if kind == MISSED:
        return f"{entity.label}, missed"
    if kind == SPURIOUS:
        return f"said {entity.label}"
    near = [o for o in sentence.predicted if o.start < entity.end and entity.start < o.end]
    said = [_said(sentence, one, entity) for one in near]
    return f"{entity.label}, said {' and '.join(said)}"


def _said(sentence: Sentence, one: Span, entity: Span) -> str:
    """A predicted entity that lies over some words of a true one: where it differs from that."""
    words = " ".join(sentence.text[one.start : one.end].split())
    shown = "" if one[:2] == entity[:2] else f"\u201c{clip(words, 40)}\u201d"
    label = "" if one.label == entity.label else one.label
    return f"{shown} {label}".strip()


def _shortened(text: str, around: int, *, first: bool = False, last: bool = False) -> str:
    """A stretch without entities: what stands next to one is kept."""
    if len(text) <= 2 * around + 20:
        return text
    before = "" if first and not last else text[:around]
    after = "" if last else text[-around:]
    return f"{before} … {after}"
