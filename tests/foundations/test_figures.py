"""The notes' networks, trained: every figure that they print, and what they leave unsolved."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from hfdl.foundations.activations import ReLU, Sigmoid, Softmax, Tanh
from hfdl.foundations.dense import Dense
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.fit import History, evaluate, fit
from hfdl.foundations.initialization import he_normal, scaled_gaussian
from hfdl.foundations.layer import Layer
from hfdl.foundations.losses import binary_cross_entropy, mse, softmax_cross_entropy
from hfdl.foundations.optimizers import SGD, Adam
from hfdl.foundations.schedules import inverse_decay
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.toy_data import bonuses, gaussian_points, hours_studied, spirals, xor


def descend(network: Layer, loss, data, rate: float, epochs: int) -> History:
    """Batch gradient descent."""
    optimizer = SGD(network.parameters(), rate)
    return fit(network, loss, data, optimizer=optimizer, epochs=epochs, batch_size=None)


def test_the_hours_studied_classifier_of_note_1() -> None:
    """Its step, the sum of (y - a) a (1 - a) x, is 8 / 2 times the gradient of the mean of squares.

    So its rate of 0.1 is a rate of 0.4 here.
    """
    state = np.random.RandomState(42)
    dense = Dense(2, 1)
    assert dense.b is not None
    dense.W.value, dense.b.value = state.rand(2, 1), state.rand(1)
    network = Sequential(dense, Sigmoid())
    losses = descend(network, mse, hours_studied(), 0.1 * 8 / 2, 10_000).loss
    printed = [0.3564, 0.0105, 0.0057, 0.0039, 0.0029, 0.0023, 0.0019, 0.0017, 0.0015, 0.0013]
    np.testing.assert_allclose(losses[::1000], printed, rtol=0, atol=5.001e-5)
    assert network([[4, 5]]).item() == pytest.approx(0.8900576, abs=5.001e-8)


def test_the_two_layer_network_of_note_4() -> None:
    state = np.random.RandomState(42)  # points first, then weights
    points = gaussian_points(100, rng=state)
    init = scaled_gaussian(0.01)
    network = Sequential(
        Dense(2, 4, init=init, rng=state), ReLU(), Dense(4, 1, init=init, rng=state), Sigmoid()
    )
    history = descend(network, binary_cross_entropy, points, 0.1, 1000)
    assert history.loss[0] == pytest.approx(0.6931, abs=1e-4)
    assert history.loss[900] == pytest.approx(0.0475, abs=5.001e-5)
    assert evaluate(network, binary_cross_entropy, points)[1] == 1.0


def note_5(seed: int, *, scale: float, bias: bool) -> Sequential:
    """2-4-1 with sigmoids."""
    random = np.random.default_rng(seed)
    first, second = (
        Dense(*sizes, init=scaled_gaussian(scale), rng=random, bias=bias)
        for sizes in ((2, 4), (4, 1))
    )
    return Sequential(first, Sigmoid(), second, Sigmoid())


@pytest.mark.parametrize("seed", range(3))
def test_xor_stays_unsolved_by_note_5(seed: int) -> None:
    """Again the note's gradient is half of a sum over 4, not a mean."""
    losses = descend(note_5(seed, scale=0.01, bias=False), mse, xor(), 0.1 * 4 / 2, 1000).loss
    np.testing.assert_allclose(losses, 0.25, rtol=0, atol=5e-5)


def test_it_is_the_small_weights_that_keep_note_5_from_xor() -> None:
    """Near zero a sigmoid is a straight line, and a stack of straight lines is one.

    The line closest to XOR is 1/2 everywhere, and there the network rests. Biases do not change
    that; weights of size 1 do, even without biases.
    """
    with_bias = descend(note_5(0, scale=0.01, bias=True), mse, xor(), 0.2, 1000).loss
    assert with_bias[-1] > 0.2499
    for bias in (False, True):
        large = descend(note_5(0, scale=1.0, bias=bias), mse, xor(), 2.0, 2000).loss
        assert large[-1] < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_xor_is_solved(seed: int) -> None:
    """With biases, Glorot's weights, tanh inside and cross-entropy."""
    random = np.random.default_rng(seed)
    network = Sequential(Dense(2, 4, rng=random), Tanh(), Dense(4, 1, rng=random), Sigmoid())
    optimizer = Adam(network.parameters(), 0.05)
    history = fit(
        network, binary_cross_entropy, xor(), optimizer=optimizer, epochs=400, batch_size=None
    )
    assert history.loss[-1] < 0.01
    np.testing.assert_array_equal(np.round(network(xor()[0])), xor()[1])


def test_untrained_the_spiral_network_of_note_3_says_a_third() -> None:
    random = np.random.default_rng(0)
    X, _ = spirals(rng=random)
    init = scaled_gaussian(0.1)
    dense, last = Dense(2, 3, init=init, rng=random), Dense(3, 3, init=init, rng=random)
    rows = Sequential(dense, ReLU(), last, Softmax())(X)
    np.testing.assert_allclose(rows[0], 1 / 3, atol=1e-15)  # the first point is the centre
    np.testing.assert_allclose(rows[:5], 1 / 3, atol=1e-3)
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, atol=1e-15)
    assert np.abs(rows - 1 / 3).max() < 0.02


def test_trained_a_wider_one_tells_the_arms_apart() -> None:
    random = np.random.default_rng(0)
    network = Sequential(Dense(2, 64, init=he_normal, rng=random), ReLU(), Dense(64, 3, rng=random))
    optimizer = Adam(network.parameters(), 0.02)
    fit(
        network, softmax_cross_entropy, spirals(rng=random),
        optimizer=optimizer, epochs=100, batch_size=32,
    )  # fmt: skip
    _, unseen = evaluate(network, softmax_cross_entropy, spirals(rng=99))
    assert unseen is not None
    assert unseen > 0.95


def test_three_kinds_of_gradient_descent_reach_one_minimum() -> None:
    """Linear regression of a bonus on three features, against least squares in closed form."""
    made = bonuses(100, rng=0)
    Z = (made.X - made.X.mean(axis=0)) / made.X.std(axis=0)
    solution, squares, *_ = np.linalg.lstsq(np.c_[Z, np.ones(100)], made.target)
    lowest = squares[0] / 100
    curves = {}
    for name, batch_size, epochs, rate, half in (
        ("batch", None, 200, 0.1, np.inf),
        ("mini", 16, 100, 0.1, 50.0),
        ("single", 1, 40, 0.02, 200.0),
    ):
        layer = Dense(3, 1, rng=0)
        assert layer.b is not None
        curves[name] = fit(
            layer, mse, (Z, made.target), optimizer=SGD(layer.parameters(), rate), epochs=epochs,
            batch_size=batch_size, schedule=partial(inverse_decay, rate=rate, half=half),
        ).loss  # fmt: skip
        found = evaluate(layer, mse, (Z, made.target))[0]
        assert lowest - 1e-12 <= found < 1.005 * lowest
        np.testing.assert_allclose(np.r_[layer.W.value, layer.b.value[None]], solution, atol=0.05)
    # After one epoch: one update, seven, a hundred.
    assert curves["batch"][1] > curves["mini"][1] > curves["single"][1]
    np.testing.assert_array_less(np.diff(curves["batch"]), 1e-12)  # without noise, only down
    weights = solution[:3, 0] / made.X.std(axis=0)
    np.testing.assert_allclose(weights, made.weights, atol=0.2)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")  # 200 epochs are enough
def test_the_keras_model_of_note_4_against_scikit_learn() -> None:
    """20-64-32-1 with dropout 0.3; means over three seeds, as a point is two of 200 samples."""
    X, target = make_classification(
        n_samples=1000, n_features=20, n_informative=15, n_redundant=5, random_state=42
    )
    X, X_test, target, target_test = train_test_split(X, target, test_size=0.2, random_state=42)
    ours, theirs = [], []
    for seed in range(3):
        random = np.random.default_rng(seed)
        network = Sequential(
            Dense(20, 64, rng=random), ReLU(), Dropout(0.3, rng=random),
            Dense(64, 32, rng=random), ReLU(), Dropout(0.3, rng=random),
            Dense(32, 1, rng=random), Sigmoid(),
        )  # fmt: skip
        history = fit(
            network, binary_cross_entropy, (X, target[:, None]), rng=random,
            optimizer=Adam(network.parameters()), epochs=100, batch_size=32,
            validation=(X_test, target_test[:, None]),
        )  # fmt: skip
        assert history.loss[-1] < 0.3 * history.loss[0]
        ours.append(history.validation_accuracy[-1])
        reference = MLPClassifier((64, 32), random_state=seed)
        theirs.append(reference.fit(X, target).score(X_test, target_test))
    assert np.mean(ours) >= np.mean(theirs) - 0.01
    assert np.mean(theirs) > 0.9
