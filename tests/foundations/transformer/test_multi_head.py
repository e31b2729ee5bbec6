"""Self- and cross-attention of many heads, against torch's and against central differences."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from helpers.torch_multi_head import PROJECTIONS, drawn, pairs, twin
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.foundations.gradcheck import central_differences, check_layer
from hfdl.foundations.transformer.multi_head import MultiHeadAttention

BOUND = 1e-10
NAMES = {f"{name}.{letter}" for name in PROJECTIONS for letter in "Wb"}


sizes = st.integers(1, 5)


@given(
    sizes, sizes, sizes, st.sampled_from([1, 2, 3]), st.sampled_from([1, 3]),
    st.sampled_from(["self", "same width", "other width"]), st.booleans(), st.booleans(),
    st.integers(0, 999),
)  # fmt: skip
def test_equal_to_torch(B, T, S, heads, head_width, kind, padded, masks, seed) -> None:
    width = heads * head_width
    random = np.random.default_rng(seed)
    memory_width = width + 2 if kind == "other width" else width
    layer = drawn(MultiHeadAttention(width, heads, memory_width=memory_width), seed)
    theirs = twin(layer, memory_width)
    X = random.normal(size=(B, T, width))
    memory = X if kind == "self" else random.normal(size=(B, S, memory_width))
    S = memory.shape[1]
    lengths = random.integers(1, S + 1, B) if padded else None
    mask = None
    if masks:
        mask = random.random((T, S)) < 0.6
        mask[:, 0] = True
    x, m = (torch.from_numpy(a).requires_grad_() for a in (X, memory))
    options: dict[str, Any] = {}
    if lengths is not None:
        options["key_padding_mask"] = torch.from_numpy(np.arange(S) >= lengths[:, None])
    if mask is not None:
        options["attn_mask"] = ~torch.from_numpy(mask)
    memories = (x, x) if kind == "self" else (m, m)
    y, _ = theirs(x, *memories, need_weights=False, **options)
    dY = random.normal(size=(B, T, width))
    (y * torch.from_numpy(dY)).sum().backward()
    if kind == "self":
        Y, backprop = layer.forward(X, lengths=lengths, mask=mask)
        compared: list[tuple[Any, Any]] = [(backprop(dY), x.grad)]
    else:
        Y, backprop = layer.attend(X, memory, lengths=lengths, mask=mask)
        compared = list(zip(backprop(dY), (x.grad, m.grad), strict=True))
    compared += [(Y, y.detach()), *pairs(layer, theirs, "grad", "grad")]
    assert len(compared) == 2 + 8 + (kind != "self")
    for ours, other in compared:
        assert ours.shape == tuple(other.shape)
        np.testing.assert_allclose(ours, other.numpy(), rtol=0, atol=BOUND)


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_by_central_differences(causal: bool, train: bool) -> None:
    layer = drawn(MultiHeadAttention(6, 3, causal=causal, dropout=0.3, rng=0))
    X = np.random.default_rng(1).normal(size=(2, 4, 6))
    per_head = np.random.default_rng(2).random((2, 3, 4, 4)) < 0.7
    choices: list[dict[str, Any]] = [{}, {"lengths": np.array([4, 2])}, {"mask": per_head}]
    for more in choices:
        errors = check_layer(layer, X, train=train, **more)
        assert set(errors) == {"X", *NAMES}
        assert max(errors.values()) < 1e-8


def test_cross_attention_by_central_differences() -> None:
    layer = drawn(MultiHeadAttention(4, 2, memory_width=3))
    random = np.random.default_rng(1)
    X, memory, lengths = (
        random.normal(size=(2, 3, 4)),
        random.normal(size=(2, 5, 3)),
        np.array([5, 2]),
    )
    dY = random.normal(size=(2, 3, 4))

    def loss(_: np.ndarray) -> float:
        return float((layer.attend(X, memory, lengths=lengths)[0] * dY).sum())

    gradients = copy.deepcopy(layer).attend(X, memory, lengths=lengths)[1](dY)
    for x, gradient in zip((X, memory), gradients, strict=True):
        np.testing.assert_allclose(gradient, central_differences(loss, x), rtol=0, atol=1e-8)
    assert (gradients[1][1, 2:] == 0).all()  # padding


def test_no_step_sees_a_later_one() -> None:
    layer = drawn(MultiHeadAttention(4, 2, causal=True))
    X = np.random.default_rng(1).normal(size=(1, 5, 4))
    other = X.copy()
    other[:, 3:] = 9.0
    np.testing.assert_array_equal(layer(X)[:, :3], layer(other)[:, :3])
    assert (layer(X)[:, 3:] != layer(other)[:, 3:]).any()


def test_a_query_of_an_empty_memory_gets_the_bias() -> None:
    layer = drawn(MultiHeadAttention(4, 2))
    X = np.ones((2, 3, 4))
    with np.errstate(all="raise"):
        Y, backprop = layer.forward(X, lengths=np.array([0, 3]))
        assert np.isfinite(backprop(Y)).all()
    assert layer.o_proj.b is not None
    np.testing.assert_array_equal(Y[0], np.broadcast_to(layer.o_proj.b.value, (3, 4)))


def test_float32_stays() -> None:
    layer = MultiHeadAttention(4, 2, dropout=0.5, bias=False, rng=0)
    assert {name for name, _ in layer.named_parameters()} == {f"{n}.W" for n in PROJECTIONS}
    layer.astype(np.float32)
    Y, backprop = layer.forward(
        np.ones((2, 3, 4), np.float32), lengths=np.array([3, 1]), train=True
    )
    assert Y.dtype == backprop(Y).dtype == np.float32


def test_errors() -> None:
    with pytest.raises(ShapeError, match="a width of 7 and 2 heads; the heads must divide"):
        MultiHeadAttention(7, 2)
    with pytest.raises(ShapeError, match="a width of 4 and 0 heads"):
        MultiHeadAttention(4, 0)
    layer = MultiHeadAttention(4, 2)
    with pytest.raises(ShapeError, match=r"X \(1, 2, 5\)"):
        layer(np.ones((1, 2, 5)))
    with pytest.raises(ShapeError, match="a length of 3 in an array of 2 steps"):
        layer.forward(np.ones((1, 2, 4)), lengths=np.array([3]))
