"""Which words are real."""

import pytest
import torch

from hfdl.errors import ShapeError
from hfdl.nn.lengths import length_mask, real_steps


def test_lengths_become_a_mask() -> None:
    expected = [[0, 0, 0], [1, 0, 0], [1, 1, 1]]
    assert length_mask(torch.tensor([0, 1, 3]), 3).tolist() == [
        [bool(x) for x in r] for r in expected
    ]
    assert length_mask(torch.tensor([], dtype=torch.long), 3).shape == (0, 3)
    assert length_mask(torch.tensor([0, 0]), 0).shape == (2, 0)


def test_masks_of_any_type_and_none() -> None:
    x = torch.zeros(2, 3, 1)
    assert real_steps(x, None).all()
    told = torch.tensor([[1, 0, 1], [0, 0, 0]])
    for mask in (told, told.bool(), told.float()):
        real = real_steps(x, mask)
        assert real.dtype == torch.bool
        assert torch.equal(real.long(), told)


@pytest.mark.parametrize(
    ("shape", "mask", "text"),
    [
        ((2, 3), None, "a text of shape (2, 3); words are given as (B, T, D)"),
        ((2, 3, 1), torch.ones(3), "the attention mask is of shape (3,)"),
        ((2, 3, 1), torch.ones(3, 2), "a mask of shape (3, 2) for words of shape (2, 3, 1)"),
        ((2, 3, 1), torch.full((2, 3), -1e4), "has other numbers than 0 and 1"),
    ],
)
def test_what_is_no_mask_is_refused(shape, mask, text) -> None:
    with pytest.raises(ShapeError) as caught:
        real_steps(torch.zeros(shape), mask)
    assert text in str(caught.value)
