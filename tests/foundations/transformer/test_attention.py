"""Attention in NumPy: the figures of the notes, and torch as an independent reference."""

import numpy as np
import pytest
import torch

from hfdl.errors import ShapeError
from hfdl.foundations.transformer.attention import attention, masked, scale_of, scores, softmax


def note_1() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Note 1's four words of three features."""
    state = np.random.RandomState(42)
    q, k, v = (state.rand(4, 3) for _ in range(3))
    return q, k, v


SCORES = [
    [0.64675177, 0.74205833, 0.88652906, 0.59816679],
    [0.55984141, 0.23912325, 0.39947042, 0.18623963],
    [0.34157207, 0.58961914, 0.64513862, 0.48137664],
    [0.77015453, 0.64509281, 0.90528538, 0.46012339],
]
SCALED = [
    [0.37340231, 0.42842758, 0.51183779, 0.34535176],
    [0.32322459, 0.13805788, 0.23063436, 0.1075255],
    [0.19720672, 0.34041677, 0.37247096, 0.27792293],
    [0.44464892, 0.37244451, 0.52266676, 0.26565236],
]
WEIGHTS = [
    [0.23938437, 0.2529257, 0.27492711, 0.23276281],
    [0.28180838, 0.23417311, 0.25688721, 0.2271313],
    [0.2257542, 0.26051406, 0.26899991, 0.24473182],
    [0.25990286, 0.24179821, 0.28099188, 0.21730706],
]
OUTPUT = [
    [0.62713495, 0.60944066, 0.26559657],
    [0.62053633, 0.62312745, 0.26747044],
    [0.63257702, 0.61378096, 0.27251761],
    [0.61978955, 0.60506881, 0.25707683],
]
PRINTED = 5e-9  # half a unit of the last digit that the note prints


def test_every_figure_of_note_1() -> None:
    q, k, v = note_1()
    raw = scores(q, k)
    scaled = raw * scale_of(q)
    weights = softmax(scaled)
    np.testing.assert_allclose(raw, SCORES, rtol=0, atol=PRINTED)
    np.testing.assert_allclose(scaled, SCALED, rtol=0, atol=PRINTED)
    np.testing.assert_allclose(weights, WEIGHTS, rtol=0, atol=PRINTED)
    np.testing.assert_allclose(weights @ v, OUTPUT, rtol=0, atol=PRINTED)


def test_attention_is_its_steps() -> None:
    q, k, v = note_1()
    out, weights = attention(q, k, v)
    np.testing.assert_allclose(out, OUTPUT, rtol=0, atol=PRINTED)
    np.testing.assert_allclose(weights, WEIGHTS, rtol=0, atol=PRINTED)


def test_the_worked_query_for_sat() -> None:
    """Note 2's query over the keys of "the cat sat on mat", without a scale."""
    q = np.array([[0.5, 1.0]])
    k = np.array([[1.0, 0.0], [0.5, 0.5], [0.5, 1.0], [0.0, 1.0], [1.0, 1.0]])
    np.testing.assert_array_equal(scores(q, k), [[0.5, 0.75, 1.25, 1.0, 1.5]])
    out, weights = attention(q, k, np.eye(5), scale=1.0)
    printed = [[0.1141, 0.1464, 0.2414, 0.1880, 0.3100]]
    np.testing.assert_allclose(weights, printed, rtol=0, atol=5.001e-5)
    np.testing.assert_array_equal(out, weights)  # the values are the unit vectors


def test_softmax_of_one_two_three() -> None:
    np.testing.assert_allclose(softmax(np.array([1.0, 2.0, 3.0])), [0.09, 0.24, 0.67], atol=5e-3)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_is_torchs_and_survives_large_scores(axis: int) -> None:
    x = np.array([[1e4, -1e4, 0.5], [1e4 + 1, 3.0, -2.0]])
    expected = torch.from_numpy(x).softmax(axis).numpy()
    np.testing.assert_allclose(softmax(x, axis), expected, rtol=0, atol=1e-15)


SHAPES = [  # leading axes, T, S, K
    ((), 1, 1, 1),
    ((), 5, 3, 7),
    ((2,), 1, 9, 4),
    ((2, 3), 4, 4, 5),
    ((1, 5), 7, 2, 1),
]


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize(("lead", "t", "s", "width"), SHAPES)
def test_against_torch(lead, t: int, s: int, width: int, masks: bool, biased: bool) -> None:
    random = np.random.default_rng(t * 100 + s)
    q = random.normal(size=(*lead, t, width))
    k = random.normal(size=(*lead, s, width))
    v = random.normal(size=(*lead, s, width + 2))
    mask = None
    if masks:
        mask = random.random((*lead, t, s)) < 0.6
        mask[..., 0] = True  # torch gives NaN where nothing is allowed
    bias = random.normal(size=(t, s)) if biased else None
    scale = 0.3 if biased else None
    added = torch.zeros(t, s, dtype=torch.float64) if bias is None else torch.from_numpy(bias)
    if mask is not None:
        added = added.masked_fill(~torch.from_numpy(mask), -torch.inf)
    expected = torch.nn.functional.scaled_dot_product_attention(
        *(torch.from_numpy(x) for x in (q, k, v)), attn_mask=added, scale=scale
    )
    out, weights = attention(q, k, v, mask, scale=scale, bias=bias)
    assert out.shape == (*lead, t, width + 2)
    np.testing.assert_allclose(out, expected.numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(weights.sum(-1), 1.0, rtol=0, atol=1e-12)
    if mask is not None:
        assert (weights[~np.broadcast_to(mask, weights.shape)] == 0.0).all()


def test_a_query_that_sees_nothing_gets_zeros() -> None:
    q, k, v = note_1()
    mask = np.ones((4, 4), dtype=bool)
    mask[2] = False
    with np.errstate(all="raise"):
        out, weights = attention(q, k, v, mask)
    assert (out[2] == 0.0).all()
    assert (weights[2] == 0.0).all()
    np.testing.assert_allclose(out[[0, 1, 3]], attention(q, k, v)[0][[0, 1, 3]], rtol=1e-15)


def test_no_keys_at_all() -> None:
    out, weights = attention(np.ones((3, 2)), np.ones((0, 2)), np.ones((0, 4)))
    assert weights.shape == (3, 0)
    assert (out == np.zeros((3, 4))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(dtype: type) -> None:
    q, k, v = (x.astype(dtype) for x in note_1())
    bias = np.zeros((4, 4), dtype=dtype)
    out, weights = attention(q, k, v, np.tri(4, dtype=bool), bias=bias)
    assert out.dtype == weights.dtype == dtype


def test_what_does_not_fit_is_refused() -> None:
    q = np.ones((4, 3))
    with pytest.raises(ShapeError, match=r"q \(4, 3\), k \(4, 2\).*one head width"):
        attention(q, np.ones((4, 2)), q)
    with pytest.raises(ShapeError, match=r"v \(5, 3\); k and v have one number of keys"):
        attention(q, q, np.ones((5, 3)))
    with pytest.raises(ShapeError, match=r"q \(3,\).*attention takes q \(\.\.\., T, K\)"):
        attention(np.ones(3), q, q)
    with pytest.raises(ShapeError, match="the mask is of float64; a mask is boolean"):
        masked(q, np.ones((4, 3)))  # pyright: ignore[reportArgumentType]
