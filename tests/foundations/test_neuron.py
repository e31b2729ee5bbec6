"""Every figure of the notes for single neurons and layers of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.foundations.dense import Dense
from hfdl.foundations.neuron import batch, layer_of_neurons, neuron, two_layers

INPUTS = [1.0, 2.0, 3.0, 2.5]
WEIGHTS = [[0.2, 0.8, -0.5, 1.0], [0.5, -0.91, 0.26, -0.5], [-0.26, -0.27, 0.17, 0.87]]
BIASES = [2.0, 3.0, 0.5]
BATCH = [INPUTS, [2.0, 5.0, -1.0, 2.0], [-1.5, 2.7, 3.3, -0.8]]
WEIGHTS_2 = [[0.1, -0.14, 0.5], [-0.5, 0.12, -0.33], [-0.44, 0.73, -0.13]]
BIASES_2 = [-1.0, 2.0, -0.5]
NOTE_5 = [[-2.1744, 3.21425, 1.19065], [0.707, 0.6828, 4.5213], [-1.39594, 1.9477, -0.14521]]


def close(found, printed) -> None:
    np.testing.assert_allclose(found, printed, rtol=0, atol=1e-12)


def test_a_single_neuron() -> None:
    close(neuron(INPUTS, WEIGHTS[0], 2.0), 4.8)
    close(neuron([1.0, 2.0, 3.0], [0.2, 0.8, -0.5], 2.0), 2.3)


def test_a_layer_of_three() -> None:
    close(layer_of_neurons(INPUTS, WEIGHTS, BIASES), [4.8, 1.21, 2.385])
    # The notes' other third neuron, with 0.27 where this one has -0.27.
    close(neuron(INPUTS, [-0.26, 0.27, 0.17, 0.87], 0.5), 3.465)


def test_a_batch() -> None:
    printed = [[4.8, 1.21, 2.385], [8.9, -1.81, 0.2], [1.41, 1.051, 0.026]]
    close(batch(BATCH, WEIGHTS, BIASES), printed)
    close([layer_of_neurons(row, WEIGHTS, BIASES) for row in BATCH], printed)


def test_two_layers_and_the_transpose_that_the_note_forgets() -> None:
    close(two_layers(BATCH, WEIGHTS, BIASES, np.array(WEIGHTS_2).T, BIASES_2), NOTE_5)
    # With rows as neurons, as in the first layer, the answer is another.
    meant = two_layers(BATCH, WEIGHTS, BIASES, WEIGHTS_2, BIASES_2)
    close(
        meant[0], layer_of_neurons(layer_of_neurons(INPUTS, WEIGHTS, BIASES), WEIGHTS_2, BIASES_2)
    )
    assert np.abs(meant - NOTE_5).max() > 1


def test_two_layers_without_an_activation_are_one() -> None:
    first, second = np.array(WEIGHTS), np.array(WEIGHTS_2)
    merged = batch(BATCH, second @ first, second @ np.array(BIASES) + np.array(BIASES_2))
    close(two_layers(BATCH, WEIGHTS, BIASES, WEIGHTS_2, BIASES_2), merged)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
def test_it_is_the_dense_layer_transposed(rows: int, inputs: int, neurons: int) -> None:
    random = np.random.default_rng(0)
    X, W, b = (random.normal(size=s) for s in ((rows, inputs), (neurons, inputs), neurons))
    dense = Dense(inputs, neurons, rng=0)
    assert dense.b is not None
    dense.W.value, dense.b.value = W.T, b
    close(batch(X, W, b), dense(X))
    close(batch(X, W, b), [layer_of_neurons(x, W, b) for x in X])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="3 inputs and 4 weights; each input has one weight"):
        neuron([1.0, 2.0, 3.0], WEIGHTS[0], 0.0)
    with pytest.raises(ShapeError, match="3 rows of weights and 1 biases"):
        layer_of_neurons(INPUTS, WEIGHTS, [1.0])
    with pytest.raises(ShapeError, match=r"inputs \(3, 4\), weights \(3, 3\), biases \(3,\)"):
        batch(BATCH, WEIGHTS_2, BIASES_2)
    with pytest.raises(ShapeError, match=r"biases \(1,\)"):  # NumPy would add it to all
        batch(BATCH, WEIGHTS, [1.0])
