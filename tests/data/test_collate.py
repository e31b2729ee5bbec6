"""Padding against ``tokenizer.pad``."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from hfdl.data.collate import pad_rows, padding_mask

row_lists = st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=19), min_size=1, max_size=9)


@pytest.fixture(scope="module")
def tokenizer(tiny_bert):
    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.mark.parametrize("side", ["right", "left"])
@given(rows=row_lists, multiple_of=st.sampled_from([1, 2, 7, 8]))
def test_rows_and_mask_equal_the_tokenizers_pad(tokenizer, side, rows, multiple_of):
    expected = tokenizer.pad(
        {"input_ids": rows}, padding_side=side, pad_to_multiple_of=multiple_of, return_tensors="pt",
        verbose=False,
    )  # fmt: skip
    ours = pad_rows(rows, tokenizer.pad_token_id, side=side, multiple_of=multiple_of)
    assert ours.dtype == torch.int64
    assert torch.equal(ours, expected["input_ids"])
    mask = padding_mask([len(row) for row in rows], ours.shape[1], side=side)
    assert mask.dtype == torch.int64
    assert torch.equal(mask, expected["attention_mask"])


@pytest.mark.parametrize(
    ("side", "rows", "mask"),
    [
        ("right", [[9, 9, 9], [5, 9, 9], [6, 7, 8]], [[0, 0, 0], [1, 0, 0], [1, 1, 1]]),
        ("left", [[9, 9, 9], [9, 9, 5], [6, 7, 8]], [[0, 0, 0], [0, 0, 1], [1, 1, 1]]),
    ],
)
def test_an_empty_row_is_all_padding(side, rows, mask):
    assert pad_rows([[], [5], [6, 7, 8]], 9, side=side).tolist() == rows
    assert padding_mask([0, 1, 3], 3, side=side).tolist() == mask


@pytest.mark.parametrize("side", ["right", "left"])
def test_nothing_at_all_has_no_width(side):
    assert pad_rows([], 0, side=side).shape == (0, 0)
    assert padding_mask([], 0, side=side).shape == (0, 0)
    assert pad_rows([[], []], 0, side=side, multiple_of=8).shape == (2, 0)


def test_no_column_is_padding_alone():
    padded = pad_rows([[1], [2, 3, 4, 5, 6]], 0)
    assert padded.shape == (2, 5)
    assert (padded != 0).any(0).all()


def test_numpy_rows_are_taken_too():
    rows = [np.array([1, 2]), np.array([3])]
    assert pad_rows(rows, 0).tolist() == [[1, 2], [3, 0]]
