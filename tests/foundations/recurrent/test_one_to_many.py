"""One vector in, a sequence out: gradients, torch's layers, and what it learns to write."""

import numpy as np
import pytest
import torch
from helpers.torch_recurrent import drawn, twin

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.activations import softmax
from hfdl.foundations.fit import batches, update
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.losses import softmax_cross_entropy
from hfdl.foundations.optimizers import Adam
from hfdl.foundations.recurrent.gru import GRU
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.recurrent.one_to_many import OneToMany
from hfdl.foundations.recurrent.recurrence import Recurrent
from hfdl.foundations.recurrent.rnn import RNN

CELLS = [RNN, LSTM, GRU]


def network(cell: type[Recurrent]) -> OneToMany:
    made = OneToMany(3, 5, 4, embedding=2, cell=cell(2, 4, rng=0), rng=1)
    drawn(made.cell)  # biases too
    return made


@pytest.mark.parametrize("cell", CELLS)
def test_gradients(cell: type[Recurrent]) -> None:
    rng = np.random.default_rng(0)
    made, X, ids = network(cell), rng.normal(size=(2, 3)), rng.integers(0, 5, (2, 4))

    def loss(_: np.ndarray) -> float:
        return softmax_cross_entropy(made.forward((X, ids))[0], ids)[0]

    scores, backprop = made.forward((X, ids))
    dX = backprop(softmax_cross_entropy(scores, ids)[1]())
    np.testing.assert_allclose(dX, central_differences(loss, X), rtol=0, atol=1e-8)
    checked = 0
    for name, parameter in made.named_parameters():
        by_differences = central_differences(loss, parameter.value)
        np.testing.assert_allclose(parameter.grad, by_differences, rtol=0, atol=1e-8, err_msg=name)
        assert np.abs(parameter.grad).max() > 0, name
        checked += 1
    assert checked == len(made.parameters()) >= 8


@pytest.mark.parametrize("cell", CELLS)
def test_scores_are_those_of_torch_started_from_the_vector(cell: type[Recurrent]) -> None:
    rng = np.random.default_rng(0)
    made, X, ids = network(cell), rng.normal(size=(2, 3)), rng.integers(0, 5, (2, 4))
    dense, table, scores = made.start.layers[0], made.embed.W.value, made.scores
    h = torch.from_numpy(np.tanh(X @ dense.W.value + dense.b.value))[None]  # pyright: ignore
    state = (h, torch.zeros_like(h)) if cell is LSTM else h
    before = np.concatenate([[[5], [5]], ids[:, :-1]], axis=1)  # row 5: nothing came before
    Y, _ = twin(made.cell)(torch.from_numpy(table[before]), state)
    expected = Y.detach().numpy() @ scores.W.value + scores.b.value  # pyright: ignore
    np.testing.assert_allclose(made.forward((X, ids))[0], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_written_is_the_best_by_its_own_scores(cell: type[Recurrent]) -> None:
    made, X = network(cell), np.random.default_rng(3).normal(size=(6, 3))
    ids = made.write(X, 7)
    scores, _ = made.forward((X, ids))
    np.testing.assert_array_equal(ids, scores.argmax(axis=-1))


def test_what_is_drawn_comes_as_its_probabilities() -> None:
    made, X = network(GRU), np.ones((20_000, 3))
    ids = made.write(X, 2, rng=np.random.default_rng(0))
    first = softmax(made.forward((X[:1], ids[:1]))[0][0, 0])
    found = np.bincount(ids[:, 0], minlength=5)
    assert np.sum((found - 20_000 * first) ** 2 / (20_000 * first)) < 18.5  # chi-squared, p 0.001
    again = made.write(X, 2, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(ids, again)


def test_labels_become_words_of_unequal_lengths() -> None:
    """The vector alone decides which: twelve words, by one-hot labels."""
    words = "one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
    letters = [".", *sorted(set("".join(words)))]
    ids = np.array([[letters.index(c) for c in word.ljust(7, ".")] for word in words])
    X, rng = np.eye(12), np.random.default_rng(0)
    made = OneToMany(12, len(letters), 24, rng=rng)
    adam = Adam(made.parameters(), 0.02)
    losses = []
    for _ in range(60):
        for chosen in batches(rng.permutation(12), 4):
            value, _ = update(
                made, softmax_cross_entropy, (X[chosen], ids[chosen]), ids[chosen], adam
            )
            losses.append(value)
    np.testing.assert_array_equal(made.write(X, 7, end=0), ids)
    longer = made.write(X, 12, end=0)
    np.testing.assert_array_equal(longer[:, :7], ids)
    assert not longer[:, 7:].any()  # nothing behind the end
    assert losses[-1] < 0.1 * losses[0]


def test_what_does_not_fit_is_refused() -> None:
    made = network(GRU)
    with pytest.raises(ShapeError, match=r"vectors \(2, 3\) and symbols \(3, 4\)"):
        made.forward((np.zeros((2, 3)), np.zeros((3, 4), int)))
    with pytest.raises(DataError, match="rows are numbered from 0 to 5"):
        made.forward((np.zeros((1, 3)), np.array([[6, 0]])))
    assert made.write(np.zeros((2, 3)), 0).shape == (2, 0)
