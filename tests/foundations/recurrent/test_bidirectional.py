"""Both directions, and layers above each other, against torch's."""

import numpy as np
import pytest
from helpers.torch_recurrent import Case, cases, compare, drawn
from hypothesis import given, settings

from hfdl.errors import ConfigError
from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.recurrent.bidirectional import Bidirectional, Stacked
from hfdl.foundations.recurrent.gru import GRU
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.recurrent.rnn import RNN

KINDS = {RNN: (1, 3), LSTM: (2, 3), GRU: (1, 4)}  # arrays of a state, parameters


@pytest.mark.parametrize("kind", KINDS)
@given(case=cases())
@settings(max_examples=40)
def test_bidirectional(kind, case: Case) -> None:
    layer = drawn(Bidirectional(kind(case.D, case.H), kind(case.D, case.H)), case.seed)
    arrays, parameters = KINDS[kind]
    assert compare(layer, case, both_ways=True) == 2 + 2 * 2 * arrays + 2 * parameters


@pytest.mark.parametrize("kind", KINDS)
@given(case=cases())
@settings(max_examples=40)
def test_two_layers(kind, case: Case) -> None:
    layer = drawn(Stacked(kind(case.D, case.H), kind(case.H, case.H)), case.seed)
    arrays, parameters = KINDS[kind]
    assert compare(layer, case, layers=2) == 2 + 2 * 2 * arrays + 2 * parameters


@pytest.mark.parametrize("kind", KINDS)
@given(case=cases())
@settings(max_examples=40)
def test_three_layers_in_both_directions(kind, case: Case) -> None:
    H = case.H
    layer = Stacked(
        Bidirectional(kind(case.D, H), kind(case.D, H)),
        Bidirectional(kind(2 * H, H), kind(2 * H, H)),
        Bidirectional(kind(2 * H, H), kind(2 * H, H)),
    )
    arrays, parameters = KINDS[kind]
    found = compare(drawn(layer, case.seed), case, layers=3, both_ways=True)
    assert found == 2 + 2 * 6 * arrays + 6 * parameters


def test_against_central_differences_with_dropout_between_layers() -> None:
    layer = Stacked(
        Bidirectional(LSTM(2, 3), GRU(2, 1)), RNN(4, 3), dropout=0.4, rng=3
    )  # the kinds may be mixed, which torch cannot do
    drawn(layer)
    X = np.random.default_rng(1).standard_normal((3, 4, 2))
    for lengths in (None, np.array([2, 4, 1])):
        for train in (False, True):
            errors = check_layer(layer, X, lengths=lengths, train=train)
            assert len(errors) == 1 + 3 + 4 + 3
            assert max(errors.values()) < 1e-8


def test_dropout_falls_between_layers_alone() -> None:
    X = np.random.default_rng(1).standard_normal((2, 3, 2))
    single = Stacked(RNN(2, 3, rng=0), dropout=0.5, rng=0)
    np.testing.assert_array_equal(single.forward(X, train=True)[0], single(X))
    double = drawn(Stacked(RNN(2, 3), RNN(3, 4), dropout=0.5, rng=0))
    assert (double.forward(X, train=True)[0] != double(X)).any()
    assert double.forward(X, train=True)[0].all()  # what comes out is not dropped


def test_the_backward_half_reads_from_the_last_real_step() -> None:
    layer = Bidirectional(RNN(2, 3, rng=0), RNN(2, 4, rng=1))
    X = np.random.default_rng(1).standard_normal((2, 5, 2))
    Y = layer.forward(X, lengths=np.array([5, 3]))[0]
    np.testing.assert_array_equal(
        Y[..., :3], layer.forwards.forward(X, lengths=np.array([5, 3]))[0]
    )
    np.testing.assert_allclose(
        Y[1, :3, 3:], layer.backwards(X[1:, 2::-1])[0, ::-1], rtol=0, atol=1e-15
    )


def test_errors() -> None:
    layer = RNN(2, 3)
    with pytest.raises(ConfigError, match=r"one layer is given for both directions.*Build two"):
        Bidirectional(layer, layer)
    with pytest.raises(ConfigError, match=r"Stacked\(\) has no layer; it needs at least one"):
        Stacked()
