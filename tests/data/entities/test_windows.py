"""Windows with ownership: nothing is lost, nothing is answered twice, no row is too long."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.data.entities.windows import LOST, Row, cut_rows, owners


def firsts_of(sizes: list[int]) -> tuple[int, list[int]]:
    """Pieces of a sentence and the first of each word, from how many pieces each word has."""
    firsts, length = [], 0
    for size in sizes:
        firsts.append(length)
        length += size
    return length, firsts


SENTENCES = st.lists(st.integers(1, 30), max_size=60)


@settings(max_examples=400, deadline=None)
@given(sizes=SENTENCES, room=st.integers(1, 40), overlap=st.integers(0, 50))
def test_every_piece_is_shown_and_every_word_owned_once(
    sizes: list[int], room: int, overlap: int
) -> None:
    length, firsts = firsts_of(sizes)
    rows = cut_rows(length, firsts, room, overlap)
    assert all(0 <= row.end - row.start <= room for row in rows)
    assert {i for row in rows for i in range(row.start, row.end)} == set(range(length))
    assert (rows[0].start, rows[-1].end) == (0, length)
    for one, two in pairwise(rows):
        assert one.start < two.start  # each begins and ends later: none is a part of another
        assert one.end < two.end
        assert one.end - two.start >= min(overlap, room // 2)
    owned = owners(rows, length, firsts)
    assert len(owned) == len(sizes)  # one row a word
    for first, owner in zip(firsts, owned, strict=True):
        assert rows[owner].start <= first < rows[owner].end
        assert context(rows[owner], length, first) == max(
            context(row, length, first) for row in rows if row.start <= first < row.end
        )


def context(row: Row, length: int, piece: int) -> float:
    left = math.inf if row.start == 0 else piece - row.start
    right = math.inf if row.end == length else row.end - piece - 1
    return min(left, right)


@settings(max_examples=300, deadline=None)
@given(sizes=SENTENCES, room=st.integers(1, 40), overlap=st.integers(0, 50), data=st.data())
def test_a_model_that_looks_at_one_token_says_the_same_with_and_without_windows(
    sizes: list[int], room: int, overlap: int, data: st.DataObject
) -> None:
    length, firsts = firsts_of(sizes)
    ids = data.draw(st.lists(st.integers(0, 99), min_size=length, max_size=length))

    def model(row: list[int]) -> list[int]:
        return [7 * token + 1 for token in row]

    rows = cut_rows(length, firsts, room, overlap)
    answers = [model(ids[row.start : row.end]) for row in rows]
    owned = owners(rows, length, firsts)
    found = [answers[o][f - rows[o].start] for f, o in zip(firsts, owned, strict=True)]
    whole = model(ids)
    assert found == [whole[first] for first in firsts]


def test_rows_begin_and_end_with_words_where_they_can() -> None:
    length, firsts = firsts_of([3] * 40)  # words of 3 pieces, rows of 16: never a multiple
    rows = cut_rows(length, firsts, 16, 4)
    assert len(rows) > 8
    assert all(row.start in firsts for row in rows)
    assert all(row.end in {*firsts, length} for row in rows)


def test_a_word_longer_than_a_row_is_cut() -> None:
    assert cut_rows(25, [0], 10, 2) == [Row(0, 10), Row(8, 18), Row(15, 25)]
    assert owners(cut_rows(25, [0], 10, 2), 25, [0]) == [0]


def test_the_middle_of_an_overlap_divides_the_words() -> None:
    firsts = list(range(16))
    rows = cut_rows(16, firsts, 10, 4)
    assert rows == [Row(0, 10), Row(6, 16)]
    assert owners(rows, 16, firsts) == [0] * 8 + [1] * 8


def test_a_word_that_no_row_holds_is_lost() -> None:
    assert owners([Row(0, 4)], 6, [0, 2, 5]) == [0, 0, LOST]


def test_a_sentence_without_words_is_one_empty_row() -> None:
    assert cut_rows(0, [], 10, 2) == [Row(0, 0)]
    assert owners([Row(0, 0)], 0, []) == []


def test_a_hundred_thousand_words_are_quick() -> None:
    length, firsts = firsts_of([1] * 100_000)
    rows = cut_rows(length, firsts, 126, 32)
    owned = owners(rows, length, firsts)
    assert len(rows) > 1000
    assert owned == sorted(owned)
    assert set(owned) == set(range(len(rows)))
