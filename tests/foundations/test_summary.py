"""The table of a network: shapes of real passes, and counts of the arrays themselves."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from hfdl.errors import ConfigError, ShapeError
from hfdl.foundations import (
    GRU,
    LSTM,
    Adam,
    BatchNorm,
    Bidirectional,
    Conv1d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LastStep,
    Layer,
    LearnedPositions,
    MeanOverTime,
    OneToMany,
    PaddedSequential,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    Stacked,
    digits_cnn,
    digits_mlp,
    fit,
    mse,
    state_of,
    summary,
)
from hfdl.foundations.transformer.transformer_block import encoder_block
from hfdl.torch_layer import TorchLayer


def recurrent() -> Layer:
    both = Bidirectional(LSTM(16, 8, rng=0), LSTM(16, 8, rng=1))
    return PaddedSequential(
        Embedding(100, 16), Stacked(both, GRU(16, 8, rng=2)), LastStep(), Dense(8, 3)
    )


def transformer() -> Layer:
    return Sequential(
        Embedding(50, 16), LearnedPositions(12, 16), encoder_block(16, 4, 64),
        encoder_block(16, 4, 64, norm_first=True), MeanOverTime(), Dense(16, 3),
    )  # fmt: skip


def normed() -> Layer:
    return Sequential(Dense(3, 4), BatchNorm(4), ReLU(), Dropout())


NETWORKS: list[tuple[Callable[[], Layer], tuple[int, ...], int]] = [
    (recurrent, (7,), 100 * 16 + 2 * 4 * 8 * (16 + 8 + 1) + (3 * 8 * (16 + 8 + 1) + 8) + 8 * 3 + 3),
    (transformer, (12,), 50 * 16 + 12 * 16 + 2 * (4 * 16 * 17 + 16 * 64 * 2 + 64 + 16 + 64) + 51),
    (normed, (3,), 3 * 4 + 4 + 4 * 4),
    (digits_mlp, (1, 28, 28), 109_386),
    (digits_cnn, (1, 28, 28), 20_490),
    (lambda: Sequential(Conv1d(3, 4, 5), ReLU(), Flatten(), Dense(24, 2)), (3, 10), 64 + 50),
    (lambda: Dense(3, 2), (3,), 8),
    (lambda: TorchLayer(torch.nn.Linear(3, 2)), (3,), 8),
]


@pytest.mark.parametrize(("make", "shape", "total"), NETWORKS)
@pytest.mark.parametrize("depth", [1, 2, 3, 9])
def test_counts_are_those_of_the_arrays(
    make: Callable[[], Layer], shape: tuple[int, ...], total: int, depth: int
) -> None:
    network = make()
    found = summary(network, shape, depth=depth)
    assert found.total == total
    arrays = state_of(network).values()
    assert found.total == sum(array.size for array in arrays)
    assert found.bytes == sum(array.nbytes for array in arrays)
    assert sum(row.weights for row in found.rows) == total
    assert found.trained == sum(p.value.size for p in network.parameters())
    assert found.rows[-1].shape is not None


def test_the_notes_network_of_10_32_32_32_2() -> None:
    """They print 108 biases and 2,540 in all: there are 98 and 2,530."""
    sizes = [10, 32, 32, 32, 2]
    layers = [Dense(a, b) for a, b in pairwise(sizes)]
    network = Sequential(*[part for dense in layers for part in (dense, ReLU())][:-1])
    found = summary(network, (10,))
    biases = sum(p.value.size for name, p in network.named_parameters() if name.endswith(".b"))
    assert (found.total - biases, biases, found.total) == (2432, 98, 2530)
    assert [row.weights for row in found.rows] == [352, 0, 1056, 0, 1056, 0, 66]


def test_the_keras_model_of_the_notes_as_a_table() -> None:
    """20-64-32-1 with dropout: Keras counts 1,344, 2,080 and 33."""
    network = Sequential(
        Dense(20, 64), ReLU(), Dropout(0.3), Dense(64, 32), ReLU(), Dropout(0.3),
        Dense(32, 1), Sigmoid(),
    )  # fmt: skip
    lines = str(summary(network, (20,))).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "weights"]
    assert lines[1] == "layers.0  Dense    (B, 64)    1,344"
    assert lines[4] == "layers.3  Dense    (B, 32)    2,080"
    assert lines[-1] == "3,457 weights (27.7 kB), 3,457 of them trained"
    assert max(map(len, lines)) <= 80
    assert all(len(line) == len(lines[0]) for line in lines[:-1])


def test_shapes_are_torch_s() -> None:
    """Of every layer of the convolutional network, in a forward pass of torch's modules."""
    nn = torch.nn
    layers = [
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(32 * 9, 10),
    ]  # fmt: skip
    x = torch.zeros(1, 1, 13, 13)
    rows = summary(digits_cnn(0, side=13), (1, 13, 13)).rows
    for row, layer in zip(rows, layers, strict=True):
        x = layer(x)
        assert row.shape == tuple(x.shape)
        assert row.weights == sum(p.numel() for p in layer.parameters())


def test_layers_inside_have_rows_of_their_own() -> None:
    found = {row.name: row for row in summary(recurrent(), (7,), depth=4).rows}
    assert found["layers.1"].weights == 0
    assert found["layers.1.layers.0.backwards"].shape == (1, 7, 8)
    assert found["layers.1.layers.0.backwards"].weights == 800
    assert found["layers.1.layers.1"].kind == "GRU"
    closed = {row.name: row for row in summary(recurrent(), (7,)).rows}
    assert closed["layers.1"].weights == 2 * 800 + 608
    assert closed["layers.1"].shape == (1, 7, 8)


class Tied(Layer):
    """Weights of its own, a part that is used twice, and one that is never used."""

    def __init__(self) -> None:
        self.scale = Parameter(np.ones(3))
        self.once = Dense(3, 3)
        self.again = self.once
        self.idle = Dense(3, 5)

    def forward(self, X: Any, *, train: bool = False) -> Any:
        Y, _ = self.again.forward(X * self.scale.value)
        return Y, lambda dY: dY


def test_what_is_shared_counts_once_and_what_is_idle_has_no_shape() -> None:
    found = summary(Tied(), (3,))
    assert [(row.name, row.weights) for row in found.rows] == [
        ("network", 3), ("once", 12), ("again", 0), ("idle", 20),
    ]  # fmt: skip
    assert found.total == 35
    assert found.rows[-1].shape is None
    assert str(found).splitlines()[4].split() == ["idle", "Dense", "-", "20"]


def test_what_is_trained() -> None:
    network = normed()
    assert (summary(network, (3,)).total, summary(network, (3,)).trained) == (32, 24)
    head = Adam(network.layers[0].parameters())  # pyright: ignore[reportAttributeAccessIssue]
    assert summary(network, (3,), trained=head.parameters).trained == 16
    assert summary(network, (3,), trained=[]).trained == 0


def test_the_network_stays_as_it_was() -> None:
    network = normed()
    before, twin = state_of(network), normed()
    summary(network, (3,))
    assert all((before[name] == array).all() for name, array in state_of(network).items())
    assert vars(network.layers[0]).keys() == vars(twin.layers[0]).keys()  # pyright: ignore
    data = np.ones((4, 3)), np.ones((4, 4))
    fit(network, mse, data, optimizer=Adam(network.parameters()), epochs=1, batch_size=2)


def test_a_batch_in_the_place_of_a_shape() -> None:
    ids = np.array([[3, 4, 0], [5, 0, 0]])
    assert summary(recurrent(), ids).rows[0].shape == (2, 3, 16)
    assert summary(digits_cnn(0), np.zeros((5, 1, 28, 28))).rows[-1].shape == (5, 10)
    assert summary(Dense(10, 2), 10) == summary(Dense(10, 2), [10])
    pair = np.zeros((3, 4)), np.array([[0, 1]] * 3)
    found = {row.name: row.shape for row in summary(OneToMany(4, 6, 5), pair).rows}
    assert (found["start"], found["cell"], found["scores"]) == ((3, 5), (3, 2, 5), (3, 2, 6))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="the last axis of X has 3 numbers"):
        summary(normed(), (4,))
    with pytest.raises(ConfigError, match="depth is 0; it is 1 at least"):
        summary(normed(), (3,), depth=0)
