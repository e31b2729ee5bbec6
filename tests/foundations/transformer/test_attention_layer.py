"""Attention's way back, against torch's and against central differences."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.transformer.attention import attention
from hfdl.foundations.transformer.attention_layer import ScaledDotProductAttention


def inputs() -> list[np.ndarray]:
    """q, k and v of four words."""
    random = np.random.default_rng(5)
    return [random.normal(size=(4, 3)) for _ in range(3)]


sizes = st.integers(1, 5)


@given(
    st.sampled_from([(), (1,), (2, 3)]), sizes, sizes, sizes, st.booleans(), st.booleans(),
    st.integers(0, 999),
)  # fmt: skip
def test_gradients_are_torchs(lead, t, s, width, masks, causal, seed) -> None:
    random = np.random.default_rng(seed)
    s = max(s, t) if causal else s
    q, k, v = (random.normal(size=(*lead, n, w)) for n, w in ((t, width), (s, width), (s, 3)))
    mask = None
    if masks:
        mask = random.random((*lead[:1], *[1] * len(lead[1:]), t, s)) < 0.6
        mask[..., 0] = True  # torch gives NaN where nothing is allowed
    layer = ScaledDotProductAttention(causal=causal)
    Y, backprop = layer.forward(q, k, v, mask)
    dY = random.normal(size=Y.shape)
    tensors = [torch.from_numpy(x).requires_grad_() for x in (q, k, v)]
    allowed = torch.ones(t, s, dtype=torch.bool).tril(s - t if causal else s)
    if mask is not None:
        allowed = allowed & torch.from_numpy(mask)
    y = torch.nn.functional.scaled_dot_product_attention(*tensors, attn_mask=allowed)
    (y * torch.from_numpy(dY)).sum().backward()
    np.testing.assert_allclose(Y, y.detach().numpy(), rtol=0, atol=1e-12)
    for ours, theirs in zip(backprop(dY), tensors, strict=True):
        assert theirs.grad is not None
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("train", [False, True])
def test_gradients_by_central_differences(train: bool) -> None:
    """With dropped weights, a scale of its own, and a query that sees nothing."""
    random = np.random.default_rng(0)
    q, k, v = (random.normal(size=shape) for shape in ((2, 3, 4), (2, 5, 4), (2, 5, 2)))
    mask = random.random((3, 5)) < 0.7
    mask[1] = False
    layer = ScaledDotProductAttention(dropout=0.4, scale=0.8, rng=1)
    dY = random.normal(size=(2, 3, 2))

    def loss(_: np.ndarray) -> float:
        same_draw = copy.deepcopy(layer)
        return float((same_draw.forward(q, k, v, mask, train=train)[0] * dY).sum())

    gradients = copy.deepcopy(layer).forward(q, k, v, mask, train=train)[1](dY)
    for x, gradient in zip((q, k, v), gradients, strict=True):
        np.testing.assert_allclose(gradient, central_differences(loss, x), rtol=0, atol=1e-8)
    assert (gradients[0][:, 1] == 0).all()  # the query that sees nothing


def test_the_layer_is_the_function() -> None:
    q, k, v = inputs()
    np.testing.assert_array_equal(ScaledDotProductAttention().forward(q, k, v)[0],
                                  attention(q, k, v)[0])  # fmt: skip
    causal = ScaledDotProductAttention(causal=True, dropout=0.5, rng=0)
    Y, _ = causal.forward(q, k, v)  # outside training nothing is dropped
    np.testing.assert_array_equal(Y, attention(q, k, v, np.tri(4, dtype=bool))[0])
    np.testing.assert_array_equal(Y[0], v[0])  # the first sees itself alone
    mask = np.array([True, True, False, True])  # a mask takes away from what causality allows
    both = attention(q, k, v, mask & np.tri(4, dtype=bool))[0]
    np.testing.assert_array_equal(causal.forward(q, k, v, mask)[0], both)


def test_dropout_zeroes_weights_and_keeps_the_expectation() -> None:
    q, k, v = (np.ones((200, n, 2)) for n in (1, 50, 50))
    out = ScaledDotProductAttention(dropout=0.3, rng=0).forward(q, k, v, train=True)[0]
    assert np.std(out) > 0.05
    assert abs(np.mean(out) - 1) < 0.02


def test_float32_stays() -> None:
    q, k, v = (x.astype(np.float32) for x in inputs())
    for train in (False, True):
        layer = ScaledDotProductAttention(causal=True, dropout=0.5, rng=0)
        Y, backprop = layer.forward(q, k, v, train=train)
        assert {x.dtype for x in (Y, *backprop(Y))} == {np.dtype(np.float32)}


def test_leading_axes_that_differ_are_refused() -> None:
    q = np.ones((2, 4, 3))
    with pytest.raises(ShapeError, match=r"k \(1, 4, 3\).*the same axes before their last two"):
        ScaledDotProductAttention().forward(q, q[:1], q)
