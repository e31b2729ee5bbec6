"""Spans of characters and the words that they cover: there and back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfdl.data.entities.sentence import Span, characters_of
from hfdl.data.entities.sentences import join_words
from hfdl.data.entities.spans import over_words, spans_of
from hfdl.data.entities.tags import Entity, read_entities, write_tags
from hfdl.data.entities.words import split_words
from hfdl.errors import DataError

KINDS = st.sampled_from(["PER", "LOC-X", "é"])
LETTERS = st.text(st.characters(categories=["L", "N", "P", "S", "M"]), min_size=1, max_size=5)


@st.composite
def sentences(draw) -> tuple[list[str], list[Entity]]:
    """Words, and entities over some of them."""
    words = draw(st.lists(LETTERS, min_size=1, max_size=10))
    entities, at = [], 0
    for gap, size, kind in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), KINDS), max_size=5)
    ):
        if at + gap + size <= len(words):
            entities.append(Entity(at + gap, at + gap + size, kind))
            at += gap + size
    return words, entities


@pytest.mark.parametrize("scheme", ["BIO", "BIOES", "BILOU"])
@given(sentence=sentences())
def test_words_tags_and_characters_say_the_same(
    scheme: str, sentence: tuple[list[str], list[Entity]]
) -> None:
    words, entities = sentence
    text, places = join_words(words)
    assert [text[start:end] for start, end in places] == words
    spans = characters_of(entities, places)
    assert [text[s.start : s.end] for s in spans] == [
        " ".join(words[e.start : e.end]) for e in entities
    ]
    # As a row of a data set holds them, in any order and with blanks at their edges.
    row = [{"start": max(0, s.start - 1), "end": min(len(text), s.end + 1), "label": s.label}
           for s in reversed(spans)]  # fmt: skip
    apart = all(one.end + 1 < other.start for one, other in pairwise(spans))
    if apart:
        assert spans_of(row, text, "row 1") == spans
    assert spans_of([list(span) for span in spans], text, "row 1") == spans
    assert over_words(spans, places) == (entities, [])
    assert read_entities(write_tags(entities, len(words), scheme), scheme) == (entities, [])


@given(st.text(max_size=20), st.lists(st.tuples(st.integers(-2, 22), st.integers(-2, 22), KINDS)))
def test_any_spans_are_refused_or_cover_their_words(text: str, row: list) -> None:
    try:
        spans = spans_of(row, text, "row 1")
    except DataError:
        return
    words = split_words(text)
    entities, within = over_words(spans, words)
    assert len(spans) == len(row)
    assert len(entities) <= len(spans)
    assert set(within) <= set(spans)
    assert all(text[s.start : s.end].strip() == text[s.start : s.end] != "" for s in spans)
    covered = characters_of(entities, words)
    assert covered == sorted(covered)
    for span in spans:
        if span not in within:
            assert Span(*span) in covered
