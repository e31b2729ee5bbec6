"""hfdl's dropout against torch's: the same distribution, from another stream."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hfdl.nn.cpu.cheap_dropout import bits_of, dropped, keep_mask
from hfdl.nn.dropout import Dropout, dropout, use_cheap_dropout

N = 400_000


def within(share: float, p: float, n: int) -> bool:
    """Whether an observed share is at most five standard errors from p."""
    return abs(share - p) < 5 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_rate_and_scale_are_those_of_torch(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(N, dtype=dtype)
    ours, theirs = dropout(x, p, training=True), F.dropout(x, p)
    assert within(float((ours == 0).double().mean()), p, N)
    assert within(float((theirs == 0).double().mean()), p, N)
    (value,) = ours[ours != 0].unique()
    # p is rounded to 2**-16, the scale with it.
    assert float(value) == pytest.approx(
        1 / (1 - p), rel=2**-7 if dtype == torch.bfloat16 else 2e-4
    )
    assert ours.dtype == dtype


def test_every_position_of_a_word_of_bits_is_fair_and_independent() -> None:
    torch.manual_seed(1)
    mask = keep_mask(4 * N, 3 * 2**14).view(N, 4).double()  # four numbers come from one word
    for lane in range(4):
        assert within(float(mask[:, lane].mean()), 0.75, N)
    correlation = torch.corrcoef(mask.T) - torch.eye(4)
    assert float(correlation.abs().max()) < 5 / math.sqrt(N)
    following = torch.corrcoef(torch.stack([mask[:-1, 3], mask[1:, 0]]))[0, 1]
    assert abs(float(following)) < 5 / math.sqrt(N)


@pytest.mark.parametrize("kept", [0, 1, 2**14, 2**15 - 1, 2**15, 2**15 + 1, 58982, 2**16 - 1])
def test_a_number_is_kept_that_is_below_the_bound(kept: int) -> None:
    for n in (1, 7, 4 * 2**16 + 3):
        torch.manual_seed(6)
        mask = keep_mask(n, kept)
        torch.manual_seed(6)
        words = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None)
        numbers = words.view(torch.int16)[:n].int()
        if n > 2**16:  # every case of the sign is met
            assert (numbers.min(), numbers.max()) == (-(2**15), 2**15 - 1)
        assert mask.dtype == torch.bool
        assert torch.equal(mask, numbers < kept - 2**15)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_what_is_kept_keeps_every_bit(dtype: torch.dtype) -> None:
    x = torch.tensor([[0.1, -3.0, 7e-8, 60000.0], [-0.0, 1.0, 2.0, -1e-3]], dtype=dtype).t()
    mask = torch.tensor([[True, False], [False, True], [True, True], [False, False]])
    bits = bits_of(mask, dtype)
    for out in (None, x.clone()):
        found = dropped(x if out is None else out, bits, out=out)
        assert torch.equal(found, x * mask)
        assert out is None or torch.equal(out, x * mask)


@pytest.mark.parametrize("shape", [(1,), (3,), (0,), (2, 5, 7), (1, 1), (4, 4)])
def test_gradient_is_the_mask_times_the_scale(shape: tuple[int, ...]) -> None:
    torch.manual_seed(2)
    x = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    y = dropout(x, 0.4, training=True)
    upstream = torch.rand_like(y)
    y.backward(upstream)
    assert x.grad is not None
    kept = (y != 0).double()
    scale = 2**16 / round(0.6 * 2**16)
    torch.testing.assert_close(y, x * kept * scale, rtol=1e-15, atol=0)
    torch.testing.assert_close(x.grad, upstream * kept * scale, rtol=1e-15, atol=0)


def test_torchs_seed_and_state_repeat_it() -> None:
    x = torch.ones(1001)
    torch.manual_seed(3)
    first = dropout(x, 0.5, training=True)
    state = torch.get_rng_state()
    second = dropout(x, 0.5, training=True)
    torch.manual_seed(3)
    assert torch.equal(dropout(x, 0.5, training=True), first)
    assert not torch.equal(first, second)
    torch.set_rng_state(state)
    assert torch.equal(dropout(x, 0.5, training=True), second)


def test_it_does_nothing_in_evaluation_or_at_zero_and_all_at_one() -> None:
    x = torch.rand(9)
    assert dropout(x, 0.5, training=False) is x
    assert dropout(x, 0.0, training=True) is x
    assert torch.equal(dropout(x, 1.0, training=True), torch.zeros(9))
    module = Dropout(0.5).eval()
    assert module(x) is x
    assert repr(module) == "Dropout(p=0.5)"
    with pytest.raises(ValueError, match=r"p is 1\.5"):
        Dropout(1.5)


def test_it_takes_the_place_of_every_plain_dropout_of_a_model(tiny_bert) -> None:
    from transformers import AutoModelForSequenceClassification

    class Own(nn.Dropout):
        """A subclass may do something else."""

    model = AutoModelForSequenceClassification.from_pretrained(tiny_bert)
    model.own = Own(0.2)
    names = [name for name, module in model.named_modules() if type(module) is nn.Dropout]
    keys = list(model.state_dict())
    assert use_cheap_dropout(model) == len(names) >= 6
    replaced = dict(model.named_modules())
    assert all(type(replaced[name]) is Dropout for name in names)
    assert type(model.own) is Own
    assert list(model.state_dict()) == keys
    assert use_cheap_dropout(model) == 0
