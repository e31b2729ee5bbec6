"""Networks over ids: padding does not matter, and where order decides only some networks learn."""

import numpy as np
import pytest

from hfdl.errors import ShapeError
from hfdl.foundations.dense import Dense
from hfdl.foundations.fit import fit
from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.layer import Layer
from hfdl.foundations.losses import softmax_cross_entropy
from hfdl.foundations.optimizers import Adam
from hfdl.foundations.recurrent.bidirectional import Bidirectional, Stacked
from hfdl.foundations.recurrent.gru import GRU
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.recurrent.padded import PaddedSequential
from hfdl.foundations.recurrent.rnn import RNN
from hfdl.foundations.recurrent.sequences import LastStep, MeanOverTime
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.transformer.positions import LearnedPositions, SinusoidalPositions
from hfdl.foundations.transformer.transformer_block import encoder_block
from hfdl.foundations.words.embedding import Embedding

A, B, WORDS, LENGTH = 1, 2, 12, 10


def which_came_first(n: int, seed: int, *, padded: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Texts with one A and one B among other words; class 1 where A stands before B.

    Both classes have the same words, so that a bag of them says nothing.
    """
    random = np.random.default_rng(seed)
    ids = random.integers(3, WORDS, (n, LENGTH))
    places = random.permuted(np.tile(np.arange(LENGTH), (n, 1)), axis=1)[:, :2]
    if padded:
        lengths = random.integers(2, LENGTH + 1, n)
        ids[np.arange(LENGTH) >= lengths[:, None]] = 0
        places = np.stack([random.permutation(length)[:2] for length in lengths])
    ids[np.arange(n), places[:, 0]] = A
    ids[np.arange(n), places[:, 1]] = B
    return ids, (places[:, 0] < places[:, 1]).astype(int)


def transformer(positions: Layer, kind: type[Sequential] = Sequential) -> Sequential:
    rng = np.random.default_rng(0)
    return kind(
        Embedding(WORDS, 16, rng=rng), positions,
        encoder_block(16, 2, 32, norm_first=True, rng=rng),
        encoder_block(16, 2, 32, norm_first=True, rng=rng),
        MeanOverTime(), Dense(16, 2, rng=rng),
    )  # fmt: skip


def bag_of_words() -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(Embedding(WORDS, 16, rng=rng), MeanOverTime(), Dense(16, 2, rng=rng))


def accuracy_after(network: Layer, epochs: int, *, padded: bool = False, rate: float = 3e-3):
    history = fit(
        network, softmax_cross_entropy, which_came_first(1500, 0, padded=padded),
        optimizer=Adam(network.parameters(), rate), epochs=epochs, batch_size=32,
        validation=which_came_first(500, 1, padded=padded),
    )  # fmt: skip
    return history.validation_accuracy[-1]


@pytest.mark.parametrize("positions", [SinusoidalPositions(), LearnedPositions(LENGTH, 16, rng=1)])
def test_a_transformer_learns_order(positions: Layer) -> None:
    assert accuracy_after(transformer(positions), 12) > 0.97


def test_a_bag_of_words_cannot() -> None:
    assert accuracy_after(bag_of_words(), 6, rate=1e-2) < 0.58


def test_without_positions_a_transformer_is_a_bag_as_well() -> None:
    class Nothing(SinusoidalPositions):
        def forward(self, X, *, train=False):
            return X, lambda dY: dY

    ids = which_came_first(50, 0)[0]
    shuffled = np.random.default_rng(1).permuted(ids, axis=1)
    without, having = transformer(Nothing()), transformer(SinusoidalPositions())
    np.testing.assert_allclose(without(ids), without(shuffled), rtol=0, atol=1e-13)
    assert np.abs(having(ids) - having(shuffled)).max() > 0.1


def test_padded_texts_of_unequal_lengths() -> None:
    assert accuracy_after(transformer(SinusoidalPositions(), PaddedSequential), 12, padded=True) \
        > 0.95  # fmt: skip


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_recurrent_networks_learn_order(kind) -> None:
    rng = np.random.default_rng(0)
    network = PaddedSequential(
        Embedding(WORDS, 8, rng=rng), kind(8, 16, rng=rng), LastStep(), Dense(16, 2, rng=rng)
    )
    assert accuracy_after(network, 10, padded=True, rate=1e-2) > 0.97


def networks() -> list[PaddedSequential]:
    rng = np.random.default_rng(0)
    both = Bidirectional(RNN(4, 3, rng=rng), RNN(4, 3, rng=rng))
    bodies: list[list[Layer]] = [
        [LSTM(4, 6, rng=rng), LastStep()],
        [Stacked(both, GRU(6, 6, rng=rng)), MeanOverTime()],
        [SinusoidalPositions(), encoder_block(4, 2, 5, rng=rng), MeanOverTime(),
         Dense(4, 6, rng=rng)],
    ]  # fmt: skip
    return [PaddedSequential(Embedding(9, 4, rng=rng), *body, Dense(6, 2)) for body in bodies]


@pytest.mark.parametrize("network", networks())
def test_more_padding_changes_nothing(network: PaddedSequential) -> None:
    short = np.array([[3, 4, 5, 6], [7, 8, 0, 0], [1, 0, 2, 0]])
    long = np.pad(short, ((0, 0), (0, 3)))
    results = []
    for ids in (short, long):
        network.zero_grad()
        Y, backprop = network.forward(ids)
        backprop(np.arange(6.0).reshape(3, 2))
        results.append([Y, *(p.grad.copy() for p in network.parameters())])
    for first, second in zip(*results, strict=True):
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-14)
    alone = network(short[1:2, :2])
    np.testing.assert_allclose(alone, results[0][0][1:2], rtol=0, atol=1e-14)


@pytest.mark.parametrize("network", networks())
def test_gradients(network: PaddedSequential) -> None:
    errors = check_layer(network, np.array([[3, 4, 5], [7, 0, 0]]))
    assert len(errors) == len(network.parameters())
    assert max(errors.values()) < 1e-7


def test_what_is_not_ids_is_refused() -> None:
    for X in (np.zeros((2, 3)), np.zeros(3, int)):
        with pytest.raises(ShapeError, match=r"PaddedSequential: an input of shape .* ids, whole"):
            networks()[0](X)
