"""One update and one measurement."""

import numpy as np
import pytest

from hfdl.errors import ShapeError, TrainingError
from hfdl.foundations.activations import Sigmoid
from hfdl.foundations.batch_norm import BatchNorm
from hfdl.foundations.dense import Dense
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.fit import batches, evaluate, update
from hfdl.foundations.losses import binary_cross_entropy, mse, softmax_cross_entropy
from hfdl.foundations.optimizers import SGD
from hfdl.foundations.regularization import global_norm
from hfdl.foundations.sequential import Sequential

RANDOM = np.random.default_rng(0)
X, TARGET = RANDOM.normal(size=(7, 3)), RANDOM.normal(size=(7, 2))


def test_an_update_by_hand() -> None:
    layer, twin = Dense(3, 2, rng=0), Dense(3, 2, rng=0)
    layer.W.grad[...] = 9.0  # left over from before: must not count
    value, prediction = update(layer, mse, X, TARGET, SGD(layer.parameters(), 0.1))
    np.testing.assert_array_equal(prediction, twin(X))  # from before the update
    assert value == mse(twin(X), TARGET)[0]
    gradient = 2 / TARGET.size * X.T @ (twin(X) - TARGET)
    np.testing.assert_allclose(layer.W.value, twin.W.value - 0.1 * gradient, rtol=1e-12)


def test_clipping_comes_before_the_step() -> None:
    layer, twin = Dense(3, 2, rng=0), Dense(3, 2, rng=0)
    update(layer, mse, X, TARGET, SGD(layer.parameters(), 1.0), clip_norm=0.01)
    moved = [a.value - b.value for a, b in zip(layer.parameters(), twin.parameters(), strict=True)]
    assert np.sqrt(sum(np.sum(m**2) for m in moved)) == pytest.approx(0.01, rel=1e-9)
    assert global_norm(layer.parameters()) == pytest.approx(0.01, rel=1e-12)


def test_a_loss_that_is_not_finite_stops_before_the_step() -> None:
    layer = Dense(3, 2, rng=0)
    before = layer.W.value.copy()
    text = "epoch 3, update 8: the loss is nan; training needs a finite one. Lower the learning"
    with pytest.raises(TrainingError, match=text):
        update(
            layer, mse, X * np.nan, TARGET, SGD(layer.parameters(), 0.1), where="epoch 3, update 8"
        )
    np.testing.assert_array_equal(layer.W.value, before)
    assert not layer.W.grad.any()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_evaluation_does_not_depend_on_the_batches(batch_size: int) -> None:
    network = Sequential(Dense(3, 4, rng=0), BatchNorm(4), Dropout(0.5, rng=0), Dense(4, 2, rng=1))
    target = np.array([0, 1, 1, 0, 0, 1, 0])
    expected = softmax_cross_entropy(network(X), target)[0]
    value, share = evaluate(network, softmax_cross_entropy, (X, target), batch_size=batch_size)
    assert value == pytest.approx(expected, rel=1e-14)
    assert share == pytest.approx(np.mean(network(X).argmax(axis=1) == target))


def test_accuracies_that_are_chosen_and_that_are_not_there() -> None:
    network = Sequential(Dense(3, 1, rng=0), Sigmoid())
    yes = (X[:, :1] > 0).astype(float)
    assert evaluate(network, mse, (X, yes))[1] is None
    share = evaluate(network, mse, (X, yes), accuracy=lambda p, t: 0.25)[1]
    assert share == 0.25
    assert evaluate(network, binary_cross_entropy, (X, yes))[1] is not None


def test_batches() -> None:
    found = [list(batch) for batch in batches(np.array([4, 2, 0, 1, 3]), 2)]
    assert found == [[4, 2], [0, 1], [3]]
    assert [list(batch) for batch in batches(np.arange(3), None)] == [[0, 1, 2]]


def test_data_that_does_not_fit_is_refused() -> None:
    layer = Dense(3, 2, rng=0)
    with pytest.raises(ShapeError, match=r"inputs \(7, 3\), targets \(6, 2\); there are as many"):
        evaluate(layer, mse, (X, TARGET[:6]))
    with pytest.raises(ShapeError, match=r"inputs \(0, 3\)"):
        evaluate(layer, mse, (X[:0], TARGET[:0]))
