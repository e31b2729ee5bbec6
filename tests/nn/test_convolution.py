"""Windows of words against the sum that is written in Kim's equation, with any padding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hfdl.errors import ShapeError
from hfdl.nn.convolution import TextConvolution

BOUND = 1e-12


def layer_of(d: int, f: int, w: int) -> TextConvolution:
    torch.manual_seed(0)
    return TextConvolution(d, f, w).double()


def by_hand(layer: TextConvolution, words: Tensor) -> Tensor:
    """Every window of one text (N, D), (N + w - 1, F): zeros stand beyond its ends."""
    weight, bias = layer.filters.weight, layer.filters.bias  # (F, D, w), (F,)
    assert bias is not None
    said = []
    for first in range(1 - layer.width, len(words)):
        total = bias.clone()
        for k in range(layer.width):
            if 0 <= first + k < len(words):
                total = total + weight[:, :, k] @ words[first + k]
        said.append(total)
    return torch.stack(said)


@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5)),
    left=st.integers(0, 2),
    right=st.integers(0, 2),
)
def test_windows_of_each_text_alone(lengths, sizes, left: int, right: int) -> None:
    layer = layer_of(*sizes)
    width = left + max(lengths) + right
    x = torch.full((len(lengths), width, sizes[0]), torch.nan, dtype=torch.float64)
    mask = torch.zeros(len(lengths), width)
    generator = torch.Generator().manual_seed(1)
    texts = []
    for row, length in enumerate(lengths):
        texts.append(torch.randn(length, sizes[0], dtype=torch.float64, generator=generator))
        x[row, left : left + length] = texts[row]
        mask[row, left : left + length] = 1
    said, real = layer(x, mask)
    assert said.shape == (len(lengths), width + sizes[2] - 1, sizes[1])
    assert real.shape == said.shape[:2]
    for row, text in enumerate(texts):
        windows = len(text) + sizes[2] - 1 if len(text) else 0
        assert real[row].tolist() == [
            left <= place < left + windows for place in range(real.shape[1])
        ]
        if windows:
            assert (said[row, real[row]] - by_hand(layer, text)).abs().max() < BOUND


def test_a_gap_is_a_zero_word() -> None:
    layer, x = layer_of(2, 3, 2), torch.randn(1, 4, 2, dtype=torch.float64)
    said, real = layer(x, torch.tensor([[1, 0, 0, 1]]))
    filled = x * torch.tensor([1, 0, 0, 1])[:, None]
    assert (said[0] - by_hand(layer, filled[0])).abs().max() < BOUND
    assert real.tolist() == [[True, True, False, True, True]]


def test_gradients_are_central_differences_and_padding_has_none() -> None:
    layer, mask = layer_of(2, 3, 2), torch.tensor([[1, 1, 0], [1, 1, 1]])
    x = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)

    def windows(x: Tensor) -> Tensor:
        said, real = layer(x, mask)
        return said[real]

    assert torch.autograd.gradcheck(windows, x)
    windows(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad[mask.bool()].any(-1).all()
    assert not x.grad[~mask.bool()].any()


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_batch_without_a_word(width: int) -> None:
    said, real = TextConvolution(3, 4, width)(torch.zeros(2, 0, 3))
    assert said.shape == (2, width - 1, 4)
    assert not real.any()


def test_without_a_mask_every_window_is_real() -> None:
    layer, x = layer_of(2, 3, 3), torch.randn(2, 4, 2, dtype=torch.float64)
    said, real = layer(x)
    assert torch.equal(said, layer(x, torch.ones(2, 4))[0])
    assert real.all()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"^a window of 0 words; a window has at least one word$"):
        TextConvolution(2, 3, 0)
    with pytest.raises(ShapeError, match=r"^a convolution over words of width 2 was given"):
        TextConvolution(2, 3, 3)(torch.zeros(2, 3, 4))
    with pytest.raises(ShapeError, match=r"^a mask of shape \(2, 4\) for words"):
        TextConvolution(2, 3, 3)(torch.zeros(2, 3, 2), torch.ones(2, 4))
