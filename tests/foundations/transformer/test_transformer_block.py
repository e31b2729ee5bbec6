"""Encoder blocks in both orders, against torch's layer and against central differences."""

from typing import Any

import numpy as np
import pytest
import torch
from helpers.torch_multi_head import drawn, pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hfdl.foundations.activations import GELU
from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.transformer.transformer_block import (
    PostNormBlock,
    PreNormBlock,
    encoder_block,
)

BOUND = 1e-10
KINDS = {False: PostNormBlock, True: PreNormBlock}  # norm_first -> class
sizes = st.integers(1, 5)


def block_pairs(block: Any, theirs: Any, mine: str, other: str) -> list[tuple[Any, Any]]:
    """(ours in torch's orientation, torch's), of values or of gradients."""
    found = pairs(block.attention, theirs.self_attn, mine, other)
    for ours, linear in [("up_proj", theirs.linear1), ("down_proj", theirs.linear2)]:
        dense = getattr(block.feed_forward, ours)
        found += [(getattr(dense.W, mine).T, getattr(linear.weight, other))]
        found += [(getattr(dense.b, mine), getattr(linear.bias, other))]
    for norm, layer_norm in [
        (block.attention_norm, theirs.norm1), (block.feed_forward_norm, theirs.norm2),
    ]:  # fmt: skip
        found += [(getattr(norm.gamma, mine), getattr(layer_norm.weight, other))]
        found += [(getattr(norm.beta, mine), getattr(layer_norm.bias, other))]
    return found


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", KINDS)
@given(sizes, sizes, st.sampled_from([1, 2, 3]), st.sampled_from([1, 3]), sizes, st.booleans(),
       st.booleans(), st.integers(0, 999))  # fmt: skip
@settings(max_examples=40)
def test_equal_to_torch(
    activation, norm_first, B, T, heads, head_width, hidden, padded, causal, seed
) -> None:
    width = heads * head_width
    random = np.random.default_rng(seed)
    gelu = GELU() if activation == "gelu" else None
    block = drawn(
        encoder_block(
            width, heads, hidden, norm_first=norm_first, causal=causal, activation=gelu, rng=seed
        ),
        seed,
    )
    assert type(block) is KINDS[norm_first]
    theirs = nn.TransformerEncoderLayer(
        width, heads, hidden, dropout=0.0, activation=activation, batch_first=True,
        norm_first=norm_first, dtype=torch.float64,
    )  # fmt: skip
    with torch.no_grad():
        for ours, other in block_pairs(block, theirs, "value", "data"):
            other.copy_(torch.from_numpy(ours.copy()))
    X, dY = random.normal(size=(B, T, width)), random.normal(size=(B, T, width))
    lengths = random.integers(1, T + 1, B) if padded else None
    options = {}
    if lengths is not None:
        options["src_key_padding_mask"] = torch.from_numpy(np.arange(T) >= lengths[:, None])
    if causal:
        options["src_mask"] = torch.ones(T, T, dtype=torch.bool).triu(1)
    x = torch.from_numpy(X).requires_grad_()
    y = theirs(x, **options)
    (y * torch.from_numpy(dY)).sum().backward()
    Y, backprop = block.forward(X, lengths=lengths)
    compared = [(Y, y.detach()), (backprop(dY), x.grad)]
    compared += block_pairs(block, theirs, "grad", "grad")
    assert len(compared) == 2 + 16 == 2 + len(block.parameters())
    for ours, other in compared:
        assert ours.shape == tuple(other.shape)
        # A norm of width 1 divides by sqrt(eps): what comes through it is 300 times as large.
        scale = max(1.0, float(other.abs().max()))
        np.testing.assert_allclose(ours, other.numpy(), rtol=0, atol=BOUND * scale)


@pytest.mark.parametrize("norm_first", KINDS)
def test_against_central_differences_with_dropout(norm_first: bool) -> None:
    block = encoder_block(
        4, 2, 5, norm_first=norm_first, activation=GELU(), dropout=0.3, rng=0
    )  # not ReLU: a kink within eps of a number would spoil the differences
    X = np.random.default_rng(1).normal(size=(2, 3, 4))
    mask = np.random.default_rng(2).random((2, 1, 3, 3)) < 0.7
    choices: list[dict[str, Any]] = [{}, {"lengths": np.array([3, 2])}, {"mask": mask}]
    for more in choices:
        for train in (False, True):
            errors = check_layer(drawn(block), X, train=train, **more)
            assert len(errors) == 17
            assert max(errors.values()) < 1e-7


def test_a_block_of_zeros_in_pre_norm_hands_everything_on() -> None:
    block: Any = encoder_block(4, 2, 5, norm_first=True, rng=0)
    for part in (block.attention.o_proj, block.feed_forward.down_proj):
        part.W.value[...] = 0.0
    X = np.random.default_rng(1).normal(size=(2, 3, 4))
    Y, backprop = block.forward(X)
    np.testing.assert_array_equal(Y, X)
    np.testing.assert_array_equal(backprop(X), X)


def test_dropout_reaches_the_four_places() -> None:
    block: Any = encoder_block(4, 2, 5, dropout=0.3, rng=0)
    places = (block.attention.attention.dropout, block.feed_forward.dropout, block.dropout)
    assert [place.p for place in places] == [0.3] * 3  # the last serves both residuals
    X = np.ones((2, 3, 4)) * np.arange(4)
    assert (block.forward(X, train=True)[0] != block(X)).any()


@pytest.mark.parametrize("norm_first", KINDS)
def test_float32_stays(norm_first: bool) -> None:
    block = encoder_block(4, 2, 5, norm_first=norm_first, dropout=0.3, rng=0)
    block.astype(np.float32)
    Y, backprop = block.forward(np.ones((2, 3, 4), np.float32), train=True)
    assert Y.dtype == backprop(Y).dtype == np.float32
    assert {p.grad.dtype for p in block.parameters()} == {np.dtype(np.float32)}
