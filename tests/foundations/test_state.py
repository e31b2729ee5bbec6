"""All numbers of a network by name."""

from pathlib import Path

import numpy as np
import pytest

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.activations import ReLU
from hfdl.foundations.batch_norm import BatchNorm
from hfdl.foundations.dense import Dense
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.state import restore, state_of


def network(rng: int = 0, width: int = 4) -> Sequential:
    return Sequential(Dense(3, width, rng=rng), BatchNorm(width), ReLU(), Dense(width, 2, rng=rng))


X = np.random.default_rng(0).normal(size=(6, 3))


def test_the_names_hold_what_is_gathered_too() -> None:
    assert list(state_of(network())) == [
        "layers.0.W", "layers.0.b", "layers.1.gamma", "layers.1.beta", "layers.1.running_mean",
        "layers.1.running_variance", "layers.3.W", "layers.3.b",
    ]  # fmt: skip


def test_from_one_network_to_its_twin_through_a_file(tmp_path: Path) -> None:
    trained, other = network(0), network(1)
    for _ in range(3):
        trained.forward(X + 5.0, train=True)
    np.savez(tmp_path / "net.npz", **state_of(trained))
    assert np.abs(trained(X) - other(X)).max() > 0.1
    with np.load(tmp_path / "net.npz") as saved:
        restore(other, saved)
    np.testing.assert_array_equal(trained(X), other(X))


def test_it_is_a_copy_and_arrays_stay_where_they_are() -> None:
    net = network()
    value = net.parameters()[0].value
    state, before = state_of(net), net(X)
    value += 1.0
    restore(net, state)
    assert net.parameters()[0].value is value
    np.testing.assert_array_equal(net(X), before)
    value += 1.0
    assert (state["layers.0.W"] != value).all()


def test_what_does_not_fit_is_refused_before_anything_changes() -> None:
    net = network()
    before = state_of(net)
    state = state_of(network(1))
    del state["layers.3.b"]
    with pytest.raises(DataError, match=r"layers\.3\.b is missing"):
        restore(net, state)
    with pytest.raises(DataError, match="strange is not in the network"):
        restore(net, {**before, "strange": X})
    with pytest.raises(
        ShapeError, match=r"layers\.0\.W is \(3, 5\); in the network it is \(3, 4\)"
    ):
        restore(net, state_of(network(1, width=5)))
    for name, array in state_of(net).items():
        np.testing.assert_array_equal(array, before[name])
