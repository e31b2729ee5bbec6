"""Making long texts fit: what is kept, what is lost, what is seen twice."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from hfdl.data.long_text import fit_pair, fit_single, longest_first, windows

SECOND = 1000  # ids of a pair's second text start here, so that every id tells its place


@st.composite
def long_texts(draw):
    """A room, and a text that is longer than it."""
    room = draw(st.integers(1, 40))
    return list(range(room + draw(st.integers(1, 90)))), room


@given(case=long_texts(), overlap=st.integers(0, 60))
def test_windows_cover_every_id_and_overlap_as_asked(case, overlap):
    ids, size = case
    found = windows(ids, size, overlap)
    assert {len(window) for window in found} == {size}
    assert sorted({i for window in found for i in window}) == ids
    assert all(window == list(range(window[0], window[0] + size)) for window in found)
    shared = min(overlap, size // 2)
    overlaps = [a[-1] - b[0] + 1 for a, b in itertools.pairwise(found)]
    assert overlaps[:-1] == [shared] * (len(found) - 2)
    assert shared <= overlaps[-1] < size
    assert found[-1][-1] == ids[-1]
    assert len(found) == 1 + math.ceil((len(ids) - size) / (size - shared))


def test_windows_by_hand():
    assert windows([1, 2, 3, 4, 5, 6, 7], 3, 1) == [[1, 2, 3], [3, 4, 5], [5, 6, 7]]
    assert windows([1, 2, 3, 4, 5, 6], 3, 1) == [[1, 2, 3], [3, 4, 5], [4, 5, 6]]
    assert windows([1, 2, 3], 1, 5) == [[1], [2], [3]]
    assert windows([1, 2, 3], 3, 1) == [[1, 2, 3]]


@given(long_texts())
def test_truncate_keeps_the_start(case):
    ids, room = case
    assert fit_single(ids, room, "truncate", 0) == ([ids[:room]], len(ids) - room)


@given(long_texts())
def test_head_tail_keeps_a_quarter_of_the_start_and_the_end(case):
    ids, room = case
    [row], lost = fit_single(ids, room, "head_tail", 0)
    head = room // 4
    assert len(row) == room
    assert row[:head] == ids[:head]
    assert row[head:] == ids[-(room - head) :]
    assert lost == len(ids) - len(set(row))


@given(long_texts(), st.integers(0, 50))
def test_windows_lose_nothing(case, stride):
    ids, room = case
    rows, lost = fit_single(ids, room, "window", stride)
    assert (rows, lost) == (windows(ids, room, stride), 0)


def test_longest_first_equals_the_tokenizers_library():
    backend = Tokenizer(WordLevel({"a": 0, "b": 1}, unk_token="a"))
    cases = 0
    for room in range(27):
        backend.enable_truncation(room, strategy="longest_first")
        for n_first in range(14):
            for n_second in range(14):
                theirs = backend.encode(["a"] * n_first, ["b"] * n_second, is_pretokenized=True)
                expected = (theirs.ids.count(0), theirs.ids.count(1))
                assert longest_first(n_first, n_second, room) == expected, (n_first, n_second, room)
                cases += 1
    assert cases == 27 * 14 * 14


@st.composite
def long_pairs(draw):
    """A room, and two texts that are together longer than it."""
    room = draw(st.integers(2, 40))
    n_first = draw(st.integers(0, 60))
    n_second = draw(st.integers(max(0, room + 1 - n_first), 90))
    return list(range(n_first)), list(range(SECOND, SECOND + n_second)), room


@pytest.mark.parametrize("policy", ["truncate", "head_tail", "window"])
@given(case=long_pairs(), stride=st.integers(0, 30))
def test_pairs_fit_and_what_is_lost_adds_up(policy, case, stride):
    first, second, room = case
    rows, lost = fit_pair(first, second, room, policy, stride)
    assert rows
    assert policy == "window" or len(rows) == 1
    assert all(len(a) + len(b) <= room for a, b in rows)
    assert all(set(a) <= set(first) and set(b) <= set(second) for a, b in rows)
    kept = {i for a, b in rows for i in (*a, *b)}
    assert len(kept) + lost == len(first) + len(second)


@pytest.mark.parametrize("policy", ["head_tail", "window"])
@given(case=long_pairs(), stride=st.integers(0, 30))
def test_the_shorter_text_of_a_pair_stays_in_every_row(policy, case, stride):
    first, second, room = case
    rows, lost = fit_pair(first, second, room, policy, stride)
    short, at = (first, 0) if len(first) <= len(second) else (second, 1)
    assert all(row[at] == short[: room // 2] for row in rows)
    if policy == "window":
        assert lost == max(0, len(short) - room // 2)
        longer = (first, second)[1 - at]
        assert sorted({i for row in rows for i in row[1 - at]}) == longer


def test_head_tail_of_a_pair_by_hand():
    first, second = [1, 2], [11, 12, 13, 14, 15, 16, 17, 18, 19]
    # Room for 8: two for the first text; of the other six a quarter (1) is the head.
    expected = [([1, 2], [11, 15, 16, 17, 18, 19])]
    assert fit_pair(first, second, 8, "head_tail", 0) == (expected, 3)
    assert fit_pair(second, first, 8, "head_tail", 0) == ([expected[0][::-1]], 3)


def test_two_texts_of_one_length_that_is_half_an_odd_room_rounded_up():
    assert fit_pair([1, 2, 3], [4, 5, 6], 5, "window", 1) == ([([1, 2], [4, 5, 6])], 1)
