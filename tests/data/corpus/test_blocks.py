"""Stretches of a token stream: nothing is lost, nothing is scored twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfdl.data.corpus.blocks import (
    Blocks,
    begin_documents,
    consecutive_blocks,
    positions_in_documents,
    strided_windows,
)


def scored(blocks: Blocks) -> list[int]:
    """Every token that is foreseen and counts, in order."""
    return [
        token
        for first, end in zip(blocks.firsts, blocks.ends, strict=True)
        for token in range(first, end + 1)
    ]


@given(st.integers(0, 300), st.integers(1, 50))
def test_blocks_side_by_side_read_and_foresee_every_token_once(tokens: int, length: int) -> None:
    blocks = consecutive_blocks(tokens, length)
    read = [t for b, e in zip(blocks.begins, blocks.ends, strict=True) for t in range(b, e)]
    assert read == list(range(tokens - 1))  # after the last token nothing follows
    assert scored(blocks) == list(range(1, tokens))
    assert set(blocks.lengths[:-1]) <= {length}
    assert all(0 < n <= length for n in blocks.lengths)
    assert len(blocks) == -(-max(tokens - 1, 0) // length)


@given(st.integers(0, 300), st.integers(1, 50), st.data())
def test_windows_score_every_token_once_with_the_context_they_promise(
    tokens: int, length: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(0, length - 1))
    windows = strided_windows(tokens, length, stride)
    assert scored(windows) == list(range(1, tokens))
    for i, (begin, end, first) in enumerate(
        zip(windows.begins, windows.ends, windows.firsts, strict=True)
    ):
        assert begin == i * (length - stride)
        assert begin < first <= end
        assert end - begin <= length
        # The first scored token is foreseen from the shared tokens and one more.
        assert first - begin == (1 if i == 0 else stride + 1)


def test_windows_that_share_nothing_are_blocks() -> None:
    blocks, windows = consecutive_blocks(103, 10), strided_windows(103, 10, 0)
    for name in ("begins", "ends", "firsts"):
        assert (getattr(blocks, name)[:] == getattr(windows, name)[:]).all()
    assert len(blocks) == 11


def test_windows_against_transformers_documentation() -> None:
    # Its loop: begin, end, and how many targets are new; it counts targets from the window's end.
    tokens, length, stride = 47, 8, 3
    expected, previous = [], 0
    for begin in range(0, tokens - 1, length - stride):
        end = min(begin + length, tokens - 1)
        expected.append((begin, end, end - previous))
        previous = end
        if end == tokens - 1:
            break
    windows = strided_windows(tokens, length, stride)
    begins, ends = windows.begins[:], windows.ends[:]
    counts = ends - windows.firsts[:] + 1
    assert expected == list(zip(begins.tolist(), ends.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("stride", [8, 9, -1])
def test_windows_without_anything_new_are_refused(stride: int) -> None:
    with pytest.raises(ValueError, match=f"windows of 8 tokens cannot share {stride}"):
        strided_windows(20, 8, stride)


def test_a_large_stream_costs_no_list() -> None:
    blocks = consecutive_blocks(10**9, 1024)
    assert len(blocks) == 976_563
    assert blocks.begins.dtype == blocks.ends.dtype == blocks.firsts.dtype == np.int64
    assert int(blocks.lengths.sum()) == 10**9 - 1


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.data())
def test_positions_count_from_the_document_or_the_stretch(
    sizes: list[int], data: st.DataObject
) -> None:
    starts = np.concatenate([[0], np.cumsum(sizes)])  # with empty documents, and the end
    owner = [d for d, size in enumerate(sizes) for _ in range(size)]
    begin = data.draw(st.integers(0, len(owner)))
    end = data.draw(st.integers(begin, len(owner)))
    tokens = np.arange(begin, end)
    expected = [sum(owner[u] == owner[t] for u in range(begin, t)) for t in tokens]
    assert positions_in_documents(tokens, starts).tolist() == expected
    first = [t == 0 or owner[t] != owner[t - 1] for t in tokens]
    assert begin_documents(tokens, starts).tolist() == first
