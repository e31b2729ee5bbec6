"""Character spans of entities in a text, and the words that they cover."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hfdl.data.entities.sentence import Span
from hfdl.data.entities.tags import Entity
from hfdl.errors import DataError


def spans_of(value: Any, text: str, where: str) -> list[Span]:
    """The annotations of a row, in the order of the text, without white space at their edges.

    Args:
        value: a list of ``{"start", "end", "label"}`` or of ``[start, end, label]``, or such a
            list under the key ``entities`` as spaCy has it.
        text: the text that they refer to.
        where: the place of the row, for messages.

    Raises:
        DataError: another kind of value, a span outside the text or without a word in it, or two
            that overlap.
    """
    if isinstance(value, Mapping) and "entities" in value:
        value = value["entities"]
    if not isinstance(value, list | tuple):
        raise _not_spans(value, where)
    spans = sorted(_span(item, text, where) for item in value)
    for one, other in pairwise(spans):
        if other.start < one.end:
            raise DataError(
                f"spans {shown(one, text)} and {shown(other, text)} overlap",
                where=where,
                rule="a word is part of one entity at most",
                remedy="keep one of them",
            )
    return spans


def _span(item: Any, text: str, where: str) -> Span:
    parts: list[Any]
    if isinstance(item, Mapping):
        parts = [item.get("start"), item.get("end"), item.get("label")]
    else:
        parts = list(item) if isinstance(item, list | tuple) else []
    if len(parts) != 3 or not all(type(part) is int for part in parts[:2]):
        raise _not_spans(item, where)
    span = Span(*parts)
    if not isinstance(span.label, str) or not span.label.strip():
        raise DataError(
            f"span {span.start}:{span.end} has no label",
            where=where,
            rule="a span has a start, an end and a label",
            remedy="give it one, or remove it",
        )
    if not 0 <= span.start < span.end <= len(text):
        raise DataError(
            f"span {span.start}:{span.end} ({span.label}) "
            + ("is empty" if span.start >= span.end else "lies outside the text"),
            where=where,
            rule=f"the text has {len(text)} characters; a span ends after its last one",
            remedy="count characters, not bytes or tokens",
        )
    if not text[span.start : span.end].strip():
        raise DataError(
            f"span {shown(span, text)} holds nothing but white space",
            where=where,
            rule="an entity has a word",
            remedy="correct the span or remove it",
        )
    return _without_blanks(span, text)


def _without_blanks(span: Span, text: str) -> Span:
    """A span without the white space at its edges, which no word begins or ends with."""
    named = text[span.start : span.end]
    end = span.start + len(named.rstrip())
    return Span(end - len(named.strip()), end, span.label)


def over_words(
    spans: Sequence[Span], words: Sequence[tuple[int, int]]
) -> tuple[list[Entity], list[Span]]:
    """The words that the entities cover, and the spans that begin or end within a word.

    Such a span covers the whole word; of two within one word the first has it.

    Args:
        spans: ascending and apart, as ``spans_of`` returns them.
        words: (start, end) of the words of the text, ascending.
    """
    starts, ends = [start for start, _ in words], [end for _, end in words]
    entities: list[Entity] = []
    within: list[Span] = []
    free = 0  # the first word that no entity has
    for span in spans:
        first, after = bisect_right(ends, span.start), bisect_left(starts, span.end)
        if (starts[first], ends[after - 1]) != (span.start, span.end):
            within.append(span)
        if max(first, free) < after:
            entities.append(Entity(max(first, free), after, span.label))
            free = after
    return entities, within


def shown(span: Span, text: str) -> str:
    return f"{span.start}:{span.end} ({span.label} {text[span.start : span.end]!r})"


def _not_spans(value: Any, where: str) -> DataError:
    return DataError(
        f"{value!r} is no span" if value is not None else "no spans",
        where=where,
        rule="a row has a list of {start, end, label} or [start, end, label], empty where nothing "
        "is named",
        remedy="correct the row or remove it",
    )
