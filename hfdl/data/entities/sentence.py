"""A sentence: its text, its words, their tags, and the entities as characters of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hfdl.data.entities.tags import Entity


class Span(NamedTuple):
    """Characters ``start:end`` of a text (end exclusive), and their entity type."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Sentence:
    """A text, its words, their tags and its entities.

    Args:
        text: the words joined by one blank, or the annotated text itself.
        words: (start, end) of each word in ``text``, end exclusive; ``text[start:end]`` is the
            word. They ascend and do not overlap.
        tags: one a word; None where they are to be predicted.
        spans: the entities, ascending; None where they are to be predicted. One that begins or
            ends within a word is more than the tags can say.
    """

    text: str
    words: tuple[tuple[int, int], ...]
    tags: tuple[str, ...] | None
    spans: tuple[Span, ...] | None = None


def characters_of(entities: Sequence[Entity], words: Sequence[tuple[int, int]]) -> list[Span]:
    """Entities over words as spans of characters.

    Args:
        entities: words of the sentence.
        words: (start, end) of each.
    """
    return [Span(words[e.start][0], words[e.end - 1][1], e.label) for e in entities]
