"""The recurrent module: torch's parameters, lengths and masks, reading on, dropout, refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from hfdl.errors import ConfigError, ShapeError
from hfdl.nn.fused_recurrence import fused
from hfdl.nn.lengths import length_mask
from hfdl.nn.recurrence import KINDS, unrolled
from hfdl.nn.recurrent import Recurrent

KERNELS = [unrolled, fused]
TORCH: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_first_weights_and_state_dict_are_torchs(kind: str, bidirectional: bool) -> None:
    options: Any = {"num_layers": 3, "bidirectional": bidirectional}
    torch.manual_seed(4)
    theirs = TORCH[kind](5, 7, **options)
    torch.manual_seed(4)
    ours = Recurrent(kind, 5, 7, **options)
    mine, his = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(his)
    assert len(mine) == 4 * 3 * (1 + bidirectional)
    for name in mine:
        assert torch.equal(mine[name], his[name]), name
    for parameter in theirs.parameters():
        nn.init.ones_(parameter)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    assert all((parameter == 1).all() for parameter in ours.parameters())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_reading_on_is_reading_at_once(kind: str, kernel: Any) -> None:
    torch.manual_seed(0)
    layer = Recurrent(kind, 3, 4, num_layers=2, kernel=kernel).double()
    x = torch.randn(3, 7, 3, dtype=torch.float64)
    mask = length_mask(torch.tensor([7, 5, 2]), 7)
    whole, last = layer(x, mask)
    state, parts = None, []
    for piece, real in zip(x.split([1, 3, 3], dim=1), mask.split([1, 3, 3], dim=1), strict=True):
        output, state = layer(piece, real, state=state)
        parts.append(output)
    assert state is not None
    assert (torch.cat(parts, dim=1) - whole).abs().max() < 1e-12
    assert max((a - b).abs().max().item() for a, b in zip(state, last, strict=True)) < 1e-12


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_stay_in_their_order(kind: str, kernel: Any) -> None:
    torch.manual_seed(0)
    layer = Recurrent(kind, 3, 4, bidirectional=True, kernel=kernel).double()
    x = torch.randn(5, 6, 3, dtype=torch.float64)
    lengths = torch.tensor([2, 6, 1, 4, 6])
    output, state = layer(x, lengths=lengths)
    shuffled = torch.tensor([3, 0, 4, 2, 1])
    other, moved = layer(x[shuffled], lengths=lengths[shuffled])
    assert (other - output[shuffled]).abs().max() < 1e-12
    assert (moved[0] - state[0][:, shuffled]).abs().max() < 1e-12


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 4, 3), (0, 0, 3)])
def test_a_batch_without_a_step(shape: Any, kind: str, kernel: Any) -> None:
    layer = Recurrent(kind, 3, 4, num_layers=2, bidirectional=True, kernel=kernel)
    for mask in (None, torch.ones(shape[:2])):
        output, state = layer(torch.zeros(shape), mask)
        assert output.shape == (*shape[:2], 8)
        assert [part.shape for part in state] == [(4, shape[0], 4)] * KINDS[kind].parts
        assert not any(part.any() for part in state)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_row_keeps_the_state_that_it_was_given(kind: str, kernel: Any) -> None:
    layer = Recurrent(kind, 3, 4, kernel=kernel)
    state = tuple(torch.randn(1, 2, 4) for _ in range(KINDS[kind].parts))
    output, last = layer(torch.randn(2, 5, 3), lengths=torch.tensor([0, 5]), state=state)
    assert not output[0].any()
    assert all(torch.equal(a[:, 0], b[:, 0]) for a, b in zip(last, state, strict=True))
    assert not any(torch.equal(a[:, 1], b[:, 1]) for a, b in zip(last, state, strict=True))


def test_mask_and_lengths_of_any_type_say_the_same() -> None:
    layer, x = Recurrent("gru", 3, 4), torch.randn(2, 3, 3)
    expected, _ = layer(x, lengths=torch.tensor([3, 1]))
    for dtype in (torch.bool, torch.long, torch.float32, torch.int32):
        output, _ = layer(x, torch.tensor([[1, 1, 1], [1, 0, 0]]).to(dtype))
        assert torch.equal(output, expected)


def test_dropout_stands_between_layers_in_training_and_nowhere_else() -> None:
    torch.manual_seed(0)
    layer = Recurrent("lstm", 3, 4, num_layers=3, bidirectional=True, dropout=0.5)
    calls: list[torch.Tensor] = []
    layer.dropout.register_forward_hook(lambda _m, _i, out: calls.append(out))
    x = torch.randn(2, 5, 3)
    plain = layer.eval()(x)[0]
    assert torch.equal(plain, layer(x)[0])
    calls.clear()
    dropped = layer.train()(x)[0]
    assert len(calls) == 2
    assert all(0.2 < float((c == 0).float().mean()) < 0.8 for c in calls)
    assert not torch.equal(plain, dropped)
    assert (dropped != 0).all()  # nothing is dropped behind the last layer
    single = Recurrent("lstm", 3, 4, dropout=0.5).train()
    assert torch.equal(single(x)[0], single.eval()(x)[0])


def test_dropout_of_everything_leaves_the_next_layer_its_biases() -> None:
    torch.manual_seed(0)
    layer = Recurrent("gru", 3, 4, num_layers=2, dropout=1.0).train()
    output, _ = layer(torch.randn(2, 5, 3))
    other, _ = layer(torch.randn(2, 5, 3))
    assert torch.equal(output, other)
    assert output.any()


def test_float32_stays_float32_and_needs_no_gradient() -> None:
    layer, x = Recurrent("lstm", 3, 4), torch.randn(2, 5, 3)
    with torch.no_grad():
        output, state = layer(x, lengths=torch.tensor([5, 4]))
    assert output.dtype == state[1].dtype == torch.float32
    assert not output.requires_grad
    assert layer.eval()(x)[0].requires_grad  # gradients do not wait for train()


def test_it_shows_its_sizes() -> None:
    shown = "Recurrent(\n  gru, 3, 4, num_layers=2, bidirectional=True\n"
    assert repr(Recurrent("gru", 3, 4, num_layers=2, bidirectional=True)).startswith(shown)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"x": torch.zeros(2, 3)}, "a text of shape (2, 3); words are given as (B, T, D)"),
    (
        {"x": torch.zeros(2, 3, 5)},
        "a recurrent layer of width 4 was given a tensor of shape (2, 3, 5); the last dimension "
        "must be 4",
    ),
    (
        {"mask": torch.ones(2, 4)},
        "a mask of shape (2, 4) for words of shape (2, 3, 4); the mask has one number for each "
        "word, (B, T)",
    ),
    (
        {"mask": torch.ones(2, 3), "lengths": torch.tensor([1, 2])},
        "a mask and lengths; real steps are told by one of the two",
    ),
    ({"lengths": torch.tensor([3, 4])}, "a length of 4 in a batch of width 3; a text has 0 to 3"),
    ({"lengths": torch.tensor([3, -1])}, "a length of -1 in a batch of width 3"),
    ({"lengths": torch.tensor([[3, 1]])}, "lengths of shape (1, 2); each text has one length"),
    ({"lengths": torch.tensor([3])}, "a mask of shape (1, 3) for words of shape (2, 3, 4)"),
    (
        {"state": (torch.zeros(1, 2, 5),)},
        "a state of shapes [(1, 2, 5)]; the state of this lstm has 2 of shape (1, 2, 5). Give the "
        "one that was returned",
    ),
]


@pytest.mark.parametrize(("given", "text"), REFUSED)
def test_what_does_not_fit_is_refused(given: dict[str, Any], text: str) -> None:
    layer = Recurrent("lstm", 4, 5)
    with pytest.raises(ShapeError) as caught:
        layer(**{"x": torch.zeros(2, 3, 4), **given})
    assert str(caught.value).startswith(text)


def test_unknown_kinds_and_empty_layers_are_refused() -> None:
    message = (
        "unknown kind 'LSTMs' of recurrent layer; there are rnn, lstm, gru. Did you mean 'lstm'?"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        Recurrent("LSTMs", 3, 4)
    for name, sizes in {
        "input_size": (0, 4, 1),
        "hidden_size": (3, 0, 1),
        "num_layers": (3, 4, 0),
    }.items():
        message = f"{name} is 0; the sizes of a layer are at least 1"
        with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
            Recurrent("gru", sizes[0], sizes[1], num_layers=sizes[2])
