"""What the course notes work out by hand: two small nets, a product, derivatives, spirals."""

import numpy as np
import pytest
import torch
from helpers.notes_spirals import notes_spirals
from numpy.testing import assert_allclose

from hfdl.foundations.activations import ReLU, Sigmoid, Softmax, sigmoid
from hfdl.foundations.dense import Dense
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.initialization import scaled_gaussian
from hfdl.foundations.losses import categorical_cross_entropy
from hfdl.foundations.neuron import batch, layer_of_neurons, neuron
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.toy_data import spirals

# ---- Two nets of note 2: who buys insurance, who scores a century --------------------------------


def test_the_insurance_net_of_four_inputs_and_two_hidden_units() -> None:
    """age, education, income, savings -> awareness, affordability -> buys where above one half.

    The note names the net and gives no weights: these are made up, its formula is not.
    """
    W = np.array([[0.4, 0.3, 0.1, -0.2], [-0.1, 0.2, 0.6, 0.5]])  # a row for each hidden unit
    w = np.array([[1.5, 2.0]])
    X = np.array([[0.2, 0.5, 0.1, -0.4], [-1.0, -0.3, -2.0, -1.5], [0.0, 0.0, 0.0, 0.0]])
    network = Sequential(Dense(4, 2, bias=False), Sigmoid(), Dense(2, 1, bias=False), Sigmoid())
    for dense, weights in zip(network.layers[::2], (W, w), strict=True):
        dense.W.value[...] = weights.T  # pyright: ignore[reportAttributeAccessIssue]
    by_hand = []
    for x in X:
        h1 = 1 / (1 + np.exp(-(0.4 * x[0] + 0.3 * x[1] + 0.1 * x[2] - 0.2 * x[3])))
        h2 = 1 / (1 + np.exp(-(-0.1 * x[0] + 0.2 * x[1] + 0.6 * x[2] + 0.5 * x[3])))
        by_hand.append([1 / (1 + np.exp(-(1.5 * h1 + 2.0 * h2)))])
    assert_allclose(network(X), by_hand, rtol=0, atol=1e-15)
    # Sigmoids are above 0, so with weights above 0 and no bias everybody buys: it needs a bias.
    assert (network(X) > 0.5).all()


def test_the_cricket_net_of_five_inputs_and_five_hidden_units() -> None:
    """y = sigmoid(1.1 h1 + 3 h2 + 4 h3 + 2.7 h4 + 0.1 h5 + 1.2), the note's second layer."""
    weights, bias = [1.1, 3, 4, 2.7, 0.1], 1.2
    h = [0.5, 0.25, 0.75, 0.1, 0.9]
    score = neuron(h, weights, bias)
    assert score == pytest.approx(0.55 + 0.75 + 3.0 + 0.27 + 0.09 + 1.2, abs=1e-12)
    assert sigmoid(score) == pytest.approx(1 / (1 + np.exp(-5.86)), abs=1e-15)
    network = Sequential(Dense(5, 5, rng=0), Sigmoid(), Dense(5, 1), Sigmoid())
    last = network.layers[2]
    assert isinstance(last, Dense)
    assert last.b is not None
    last.W.value[:, 0], last.b.value[0] = weights, bias
    X = np.random.default_rng(0).normal(size=(50, 5))
    hidden = network.layers[1](network.layers[0](X))
    expected = [sigmoid(neuron(row, weights, bias)) for row in hidden]
    assert_allclose(network(X)[:, 0], expected, rtol=0, atol=1e-15)
    # All weights and the bias are positive, and so is each h: y lies between these two.
    assert network(X).min() > sigmoid(1.2)
    assert network(X).max() < sigmoid(1.1 + 3 + 4 + 2.7 + 0.1 + 1.2)


# ---- Sums of note 2 ------------------------------------------------------------------------------


def test_the_product_of_three_by_three() -> None:
    """The note prints its first row, and then two numbers of no row."""
    A = [[100, 50, 30], [80, 70, 20], [60, 40, 90]]
    B = [[1.15, 1.05, 0.85], [1.05, 1.02, 1.1], [1.1, 1, 0.9]]
    whole = [[200.5, 186, 167], [187.5, 175.4, 163], [210, 193.8, 176]]
    by_neurons = batch(A, np.transpose(B), np.zeros(3))
    assert_allclose(by_neurons, whole, rtol=0, atol=1e-12)
    by_hand = [[sum(a * B[k][j] for k, a in enumerate(row)) for j in range(3)] for row in A]
    assert_allclose(by_hand, whole, rtol=0, atol=1e-12)
    assert neuron([1, 2], [3, 4], 0.0) == 11


def test_the_slope_of_a_cube_at_1_2_and_3() -> None:
    x = np.array([1.0, 2.0, 3.0])
    slopes = central_differences(lambda x: np.sum(x**3), x)
    assert_allclose(slopes, [3, 12, 27], rtol=0, atol=1e-8)


@pytest.mark.parametrize("at", [-2.0, -2 / 3, 0.0, 1.0])
def test_the_chain_rule_of_a_fourth_power(at: float) -> None:
    """y = (3 x + 2)^4 has the slope 4 (3 x + 2)^3 times 3; the note misprints y as (3 x + 2) 4."""
    x = np.array([at])
    slope = central_differences(lambda x: np.sum((3 * x + 2) ** 4), x)
    assert_allclose(slope, 12 * (3 * x + 2) ** 3, rtol=0, atol=1e-5)
    t = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    ((3 * t + 2) ** 4).sum().backward()
    assert t.grad is not None
    assert_allclose(12 * (3 * x + 2) ** 3, t.grad.numpy(), rtol=0, atol=1e-9)


def test_partial_slopes_of_a_cost() -> None:
    """3 m^2 + 2 l^2 + 5 m l + 23: by m it is 6 m + 5 l, by l 4 l + 5 m."""
    x = np.array([1.5, -0.5])
    found = central_differences(lambda x: 3 * x[0] ** 2 + 2 * x[1] ** 2 + 5 * x[0] * x[1] + 23, x)
    assert_allclose(found, [6 * 1.5 + 5 * -0.5, 4 * -0.5 + 5 * 1.5], rtol=0, atol=1e-7)


# ---- Two layers of three neurons in note 5 -------------------------------------------------------


def test_both_third_neurons_are_right() -> None:
    """3.465 in the layer, 2.385 in the batch: their weights differ in one sign, and by 1.08."""
    inputs, biases = [1.0, 2.0, 3.0, 2.5], [2.0, 3.0, 0.5]
    rows = [[0.2, 0.8, -0.5, 1.0], [0.5, -0.91, 0.26, -0.5]]
    alone = layer_of_neurons(inputs, [*rows, [-0.26, 0.27, 0.17, 0.87]], biases)
    assert_allclose(alone, [4.8, 1.21, 3.465], rtol=0, atol=1e-12)
    in_batch = layer_of_neurons(inputs, [*rows, [-0.26, -0.27, 0.17, 0.87]], biases)
    assert_allclose(in_batch, [4.8, 1.21, 2.385], rtol=0, atol=1e-12)
    assert alone[2] - in_batch[2] == pytest.approx(2 * 0.27 * inputs[1], abs=1e-12)


# ---- Spirals and targets of note 3 ---------------------------------------------------------------


def test_the_first_layer_of_the_notes_spirals() -> None:
    X, _, state = notes_spirals()
    layer = Dense(2, 5, init=scaled_gaussian(0.01), rng=state).astype(np.float32)
    printed = [
        [0, 0, 0, 0, 0],
        [-8.3581581e-05, -7.9040430e-05, -1.3345221e-04, 4.6550449e-05, 4.5684628e-06],
        [-2.3999445e-04, 5.9346880e-06, -2.2480826e-04, 2.0357311e-05, 6.1002436e-05],
        [1.1329151e-02, -1.8926226e-02, -2.0685506e-03, 8.1107961e-03, -6.7135082e-03],
        [1.3458835e-02, -1.4319782e-02, 3.0949395e-03, 5.6633754e-03, -6.2968740e-03],
        [1.0781791e-02, -2.0080963e-02, -3.3757931e-03, 8.7256189e-03, -6.8145879e-03],
    ]
    found = layer(X)
    assert found.dtype == np.float32
    assert_allclose(found[[0, 1, 2, -3, -2, -1]], printed, rtol=0, atol=3e-9)


def test_the_untrained_softmax_of_the_notes_spirals() -> None:
    X, _, state = notes_spirals()
    init = scaled_gaussian(0.1)
    layers = [Dense(2, 3, init=init, rng=state), ReLU(), Dense(3, 3, init=init, rng=state)]
    rows = Sequential(*layers, Softmax()).astype(np.float32)(X)
    printed = [
        [0.33333334, 0.33333334, 0.33333334],
        [0.33331734, 0.3333183, 0.33336434],
        [0.3332888, 0.33329153, 0.33341965],
        [0.33325943, 0.33326396, 0.33347666],
        [0.33323312, 0.33323926, 0.33352762],
    ]
    assert_allclose(rows[:5], printed, rtol=0, atol=6e-8)  # two steps of float32
    # Ours turn otherwise, and come from other random numbers.
    assert np.abs(spirals(rng=np.random.RandomState(0))[0] - X).max() > 0.1


def test_an_index_names_a_class_for_each_sample_and_not_a_column() -> None:
    """The note writes [0, 1, 2] beside the targets [0, 1, 1]: rows are 0, 1, 2, classes 0, 1, 1."""
    P = np.array([[0.7, 0.1, 0.2], [0.1, 0.5, 0.4], [0.02, 0.9, 0.08]])
    right = P[[0, 1, 2], [0, 1, 1]]
    assert right.tolist() == [0.7, 0.5, 0.9]
    assert P[range(3), [0, 1, 2]].tolist() == [0.7, 0.5, 0.08]
    loss, _ = categorical_cross_entropy(P, [0, 1, 1])
    assert loss == pytest.approx(-np.mean(np.log(right)), abs=1e-12)
    wrong, _ = categorical_cross_entropy(P, [0, 1, 2])
    assert wrong > 2 * loss
