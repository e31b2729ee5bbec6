"""Losses and their gradients: the notes' figures, torch, central differences, refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.activations import sigmoid, softmax
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    mae,
    mse,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)

F = torch.nn.functional
shapes = st.lists(st.integers(1, 5), max_size=3).map(tuple)


def assert_agrees(loss, prediction, target, reference) -> None:
    """Value and gradient equal torch's autograd and central differences."""
    value, backprop = loss(prediction, target)
    p = torch.from_numpy(np.array(prediction)).requires_grad_()
    expected = reference(p, torch.from_numpy(np.array(target)))
    expected.backward()
    assert isinstance(value, float)
    assert value == pytest.approx(expected.item(), abs=1e-12)
    assert p.grad is not None
    np.testing.assert_allclose(backprop(), p.grad.numpy(), rtol=0, atol=1e-12)
    numeric = central_differences(lambda x: loss(x, target)[0], prediction)
    np.testing.assert_allclose(backprop(), numeric, rtol=1e-6, atol=1e-8)


@settings(max_examples=40)
@given(shapes, st.integers(0, 100))
def test_losses_number_by_number(shape: tuple[int, ...], seed: int) -> None:
    random = np.random.default_rng(seed)
    prediction, target = random.standard_normal(shape), random.standard_normal(shape)
    prediction, target = np.asarray(prediction), np.asarray(target)
    assert_agrees(mse, prediction, target, F.mse_loss)
    assert_agrees(mae, prediction, target, F.l1_loss)
    for yes in (np.asarray(random.integers(0, 2, shape)).astype(float), sigmoid(target)):
        assert_agrees(
            binary_cross_entropy, np.asarray(sigmoid(prediction)), yes, F.binary_cross_entropy
        )
        assert_agrees(sigmoid_cross_entropy, prediction, yes, F.binary_cross_entropy_with_logits)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 4), max_size=2), st.integers(1, 6), st.integers(0, 100))
def test_losses_of_classes(lead: list[int], classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = np.asarray(random.standard_normal((*lead, classes)))
    index = np.asarray(random.integers(0, classes, lead))
    one_hot = np.eye(classes)[index]
    soft = softmax(random.standard_normal(logits.shape))

    def of_logits(z, t):
        t = F.one_hot(t, classes) if t.dtype == torch.int64 else t
        return -(t * z.log_softmax(-1)).sum() / max(1, t.numel() // classes)

    def of_probabilities(p, t):
        t = F.one_hot(t, classes) if t.dtype == torch.int64 else t
        # torch clips inside, as ours does.
        return -(t * p.clip(1e-7, 1 - 1e-7).log()).sum() / max(1, t.numel() // classes)

    for target in (index, one_hot, soft):
        assert_agrees(softmax_cross_entropy, logits, target, of_logits)
    probabilities = np.clip(softmax(logits), 1e-3, 0.999)  # differences stay inside the clip
    for target in (index, one_hot, soft):
        assert_agrees(categorical_cross_entropy, probabilities, target, of_probabilities)
    by_class = softmax_cross_entropy(logits, index)[0]
    assert softmax_cross_entropy(logits, one_hot)[0] == by_class
    assert categorical_cross_entropy(softmax(logits), index)[0] == pytest.approx(by_class, abs=2e-7)


def test_torchs_own_cross_entropy() -> None:
    random = np.random.default_rng(0)
    logits, target = random.standard_normal((9, 4)), random.integers(0, 4, 9)
    assert_agrees(softmax_cross_entropy, logits, target, F.cross_entropy)


def test_the_gradient_is_prediction_minus_target() -> None:
    logits, target = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 9.0]]), np.array([0, 1])
    expected = (softmax(logits) - np.eye(3)[target]) / 2
    np.testing.assert_allclose(softmax_cross_entropy(logits, target)[1](), expected, atol=1e-16)


def test_the_figures_of_note_3() -> None:
    row = np.array([[0.7, 0.1, 0.2]])
    for target in (np.array([0]), np.array([[1, 0, 0]])):
        assert categorical_cross_entropy(row, target)[0] == pytest.approx(
            0.35667494393873245, abs=1e-15
        )
    rows = np.array([[0.7, 0.1, 0.2], [0.1, 0.5, 0.4], [0.02, 0.9, 0.08]])
    found = categorical_cross_entropy(rows, np.array([0, 1, 1]))[0]
    assert found == pytest.approx(-np.log([0.7, 0.5, 0.9]).mean(), abs=1e-15)


def test_probabilities_are_clipped_at_1e_7() -> None:
    highest, lowest = -np.log(1e-7), -np.log(1 - 1e-7)
    for prediction, target, expected in [
        ([0.0, 1.0], 0, highest), ([0.0, 1.0], 1, lowest), ([1e-9, 1 - 1e-9], 0, highest),
    ]:  # fmt: skip
        loss, backprop = categorical_cross_entropy(np.array([prediction]), np.array([target]))
        assert loss == pytest.approx(expected, rel=1e-9)
        assert not backprop().any()  # flat where it is clipped
        loss, backprop = binary_cross_entropy(np.array([prediction[1]]), np.array([target]))
        assert loss == pytest.approx(expected, rel=1e-7)
        assert not backprop().any()


def test_logits_of_ten_thousand() -> None:
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, backprop = softmax_cross_entropy(logits, np.array([1, 2]))
        gradient = backprop()
    assert loss == pytest.approx((2e4 + np.log(2)) / 2)
    np.testing.assert_allclose(gradient, [[0.5, -0.5, 0], [0, 0.25, -0.25]], atol=1e-15)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, backprop = sigmoid_cross_entropy(np.array([1e4, -1e4, 1e4]), np.array([0, 1, 1]))
    assert loss == pytest.approx(2e4 / 3)
    np.testing.assert_allclose(backprop(), [1 / 3, -1 / 3, 0], atol=1e-15)


def test_a_class_that_cannot_be() -> None:
    loss, backprop = softmax_cross_entropy(np.array([[0.0, -np.inf, 0.0]]), np.array([0]))
    assert loss == pytest.approx(np.log(2))
    np.testing.assert_allclose(backprop(), [[-0.5, 0.0, 0.5]], atol=1e-15)


@pytest.mark.parametrize("loss", [softmax_cross_entropy, categorical_cross_entropy])
def test_samples_of_class_minus_100_do_not_count(loss) -> None:
    prediction = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])
    value, backprop = loss(prediction, np.array([0, -100, 1]))
    expected, expected_backprop = loss(prediction[[0, 2]], np.array([0, 1]))
    assert value == expected
    np.testing.assert_array_equal(backprop()[[0, 2]], expected_backprop())
    assert not backprop()[1].any()
    nothing, backprop = loss(prediction, np.full(3, -100))
    assert nothing == 0.0
    assert not backprop().any()


ALL = [
    mse, mae, binary_cross_entropy, sigmoid_cross_entropy, categorical_cross_entropy,
    softmax_cross_entropy,
]  # fmt: skip


@pytest.mark.parametrize("loss", ALL)
def test_float32_stays(loss) -> None:
    prediction = np.full((2, 3), 1 / 3, np.float32)
    assert loss(prediction, np.eye(3)[:2])[1]().dtype == np.float32


@pytest.mark.parametrize("loss", ALL[:4])
def test_shapes_that_would_broadcast_are_refused(loss) -> None:
    with pytest.raises(ShapeError, match=r"prediction \(3, 1\), target \(3,\).*target\[:, None\]"):
        loss(np.full((3, 1), 0.5), np.ones(3))
    with pytest.raises(ShapeError, match="a mean needs one number at least"):
        loss(np.ones((0, 1)), np.ones((0, 1)))


@pytest.mark.parametrize("loss", ALL[4:])
def test_targets_that_are_no_classes_are_refused(loss) -> None:
    prediction = np.full((2, 3), 1 / 3)
    with pytest.raises(DataError, match=r"the target at \(1,\) is class 3; 3 classes .* 0 to 2"):
        loss(prediction, np.array([0, 3]))
    with pytest.raises(DataError, match=r"the target at \(0,\) is class -1"):
        loss(prediction, np.array([-1, 0]))
    with pytest.raises(DataError, match="classes of float64; classes are whole numbers"):
        loss(prediction, np.array([0.0, 1.0]))
    with pytest.raises(ShapeError, match=r"prediction \(2, 3\), target \(3,\)"):
        loss(prediction, np.array([0, 1, 2]))
    with pytest.raises(ShapeError, match="a mean needs one sample at least"):
        loss(np.ones((0, 3)), np.ones(0, int))
