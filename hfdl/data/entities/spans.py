"""Character spans of entities in a text, and the words that they cover."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from hfdl.data.entities.tags import Entity
from hfdl.errors import DataError

_WORD = re.compile(r"\w+|[^\w\s]")
_JOINERS = "\u200c\u200d"


class Span(NamedTuple):
    """Characters ``start:end`` of a text (end exclusive), and their entity type."""

    start: int
    end: int
    label: str


def split_words(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word of a text that is not split into words.

    A word is a run of letters, digits and underscores, or one other character that is no white
    space. Combining marks and joiners stay with what they stand on, so that no accent, vowel sign
    or emoji of several characters is split.
    """
    words: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if words and words[-1][1] == start and _belong(text, words[-1][0], start):
            words[-1] = (words[-1][0], end)
        else:
            words.append((start, end))
    return words


def _belong(text: str, first: int, at: int) -> bool:
    """Whether what begins at ``at`` continues the word that began at ``first``."""
    before, after = text[at - 1], text[at]
    if _glues(after) or before == "\u200d":
        return True
    return _glues(before) and _is_wordlike(text[first]) and _is_wordlike(after)


def _glues(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char).startswith("M")


def _is_wordlike(char: str) -> bool:
    return char.isalnum() or char == "_"


def spans_of(value: Any, text: str, where: str) -> list[Span]:
    """The annotations of a row, in the order of the text.

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
                f"spans {_shown(one, text)} and {_shown(other, text)} overlap",
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
            f"span {_shown(span, text)} holds nothing but white space",
            where=where,
            rule="an entity has a word",
            remedy="correct the span or remove it",
        )
    return span


def tagged_words(
    text: str, spans: Sequence[Span]
) -> tuple[list[tuple[int, int]], list[Entity], list[str]]:
    """The words of a text, the entities among them, and the words that a span had to cut.

    Args:
        text: the text.
        spans: ascending and apart, as ``spans_of`` returns them.
    """
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    words: list[tuple[int, int]] = []
    cut: list[str] = []
    for start, end in split_words(text):
        inner = [edge for edge in edges if start < edge < end]
        cut += [text[start:end]] if inner else []
        words += list(zip([start, *inner], [*inner, end], strict=True))
    entities = []
    for span in spans:
        held = [i for i, (s, e) in enumerate(words) if span.start <= s and e <= span.end]
        entities.append(Entity(held[0], held[-1] + 1, span.label))
    return words, entities, cut


def _shown(span: Span, text: str) -> str:
    return f"{span.start}:{span.end} ({span.label} {text[span.start : span.end]!r})"


def _not_spans(value: Any, where: str) -> DataError:
    return DataError(
        f"{value!r} is no span" if value is not None else "no spans",
        where=where,
        rule="a row has a list of {start, end, label} or [start, end, label], empty where nothing "
        "is named",
        remedy="correct the row or remove it",
    )
