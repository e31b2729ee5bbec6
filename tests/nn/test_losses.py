"""Losses by item against torch's, and the loss in chunks against the whole."""

from __future__ import annotations

from functools import partial
from typing import Any

import mpmath
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hfdl.nn.losses import chunked_loss, token_losses

LOSSES: dict[str, dict[str, Any]] = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1},
    "focal": {"focal_gamma": 2.0},
    "both": {"label_smoothing": 0.2, "focal_gamma": 0.5},
}


def problem(rows: int = 13, classes: int = 7, width: int = 5) -> tuple[Tensor, ...]:
    """hidden, weight, bias and labels, one of which is not asked for."""
    torch.manual_seed(rows)
    made = [torch.randn(*shape, dtype=torch.float64, requires_grad=True)
            for shape in ((rows, width), (classes, width), (classes,))]  # fmt: skip
    labels = torch.randint(classes, (rows,))
    labels[rows // 2] = -100
    return *made, labels


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_equal_torchs(weighted: bool, smoothing: float) -> None:
    logits, labels = torch.randn(9, 4, dtype=torch.float64), torch.randint(4, (9,))
    labels[3] = -100
    weight = torch.tensor([0.5, 2.0, 1.0, 0.0], dtype=torch.float64) if weighted else None
    found = token_losses(logits, labels, weight=weight, label_smoothing=smoothing)
    expected = F.cross_entropy(
        logits, labels, weight=weight, label_smoothing=smoothing, reduction="none"
    )
    assert found[3] == 0
    assert torch.equal(found, expected)


def test_focal_loss_is_that_of_the_paper() -> None:
    logits, labels = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0, -100, 1])
    p = logits.softmax(-1)
    found = token_losses(logits, labels, focal_gamma=2.0)
    for i, label in enumerate(labels.tolist()):
        expected = 0.0 if label < 0 else float(-((1 - p[i, label]) ** 2) * p[i, label].log())
        assert float(found[i]) == pytest.approx(expected, rel=1e-12)
    assert torch.equal(token_losses(logits, labels, focal_gamma=0.0), token_losses(logits, labels))


def test_focal_gradients_pass_central_differences() -> None:
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 2, 1, -100])
    assert torch.autograd.gradcheck(
        lambda x: token_losses(x, labels, focal_gamma=1.5, label_smoothing=0.1), (logits,)
    )


def test_half_precision_is_widened() -> None:
    logits = torch.randn(3, 5).bfloat16()
    assert token_losses(logits, torch.tensor([0, 1, 2])).dtype == torch.float32


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("budget", [7, 20, 27, 10_000])
def test_chunks_give_the_loss_and_the_gradients_of_the_whole(kind: str, budget: int) -> None:
    hidden, weight, bias, labels = problem()
    loss = partial(token_losses, **LOSSES[kind])
    found = chunked_loss(hidden, weight, bias, labels, loss=loss, budget=budget)
    logits = F.linear(hidden, weight, bias)
    expected = loss(logits, labels).sum()
    assert float(found.total.detach()) == pytest.approx(float(expected.detach()), rel=1e-13)
    assert found.losses is None  # training reads the sum alone
    assert found.best is None
    with torch.no_grad():
        judged = chunked_loss(hidden, weight, bias, labels, loss=loss, budget=budget)
    torch.testing.assert_close(judged.total, expected.detach(), rtol=1e-13, atol=0)
    assert torch.equal(judged.best, logits.argmax(-1))
    plain = F.cross_entropy(logits, labels, reduction="none").detach()
    torch.testing.assert_close(judged.losses, plain, rtol=1e-13, atol=1e-13)
    parts = (hidden, weight, bias)
    ours = torch.autograd.grad(found.total * 3.0, parts)  # an upstream gradient that is not 1
    theirs = torch.autograd.grad(expected * 3.0, parts)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


def test_the_chunked_loss_passes_central_differences() -> None:
    hidden, weight, bias, labels = problem(5, 4, 3)
    loss = partial(token_losses, label_smoothing=0.1, focal_gamma=2.0)

    def total(h: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return chunked_loss(h, w, b, labels, loss=loss, budget=8).total

    assert torch.autograd.gradcheck(total, (hidden, weight, bias))


def test_no_more_logits_than_the_budget_are_ever_formed() -> None:
    hidden, weight, bias, labels = problem(50, 11)
    sizes: list[int] = []

    def spy(logits: Tensor, asked: Tensor) -> Tensor:
        sizes.append(logits.numel())
        return token_losses(logits, asked)

    chunked_loss(hidden, weight, bias, labels, loss=spy, budget=60).total.backward()
    with torch.no_grad():
        chunked_loss(hidden, weight, bias, labels, loss=spy, budget=60)
    assert sum(sizes) == 2 * 50 * 11  # each logit once for the loss and its gradient together
    assert max(sizes) <= 60
    assert len(sizes) == 20


@pytest.mark.parametrize("frozen", [(0,), (1,), (2,), (1, 2), (0, 1)])
def test_frozen_parts_get_no_gradient_and_the_others_theirs(frozen: tuple[int, ...]) -> None:
    *parts, labels = problem()
    expected = torch.autograd.grad(chunked_loss(*parts, labels).total, parts)
    for i in frozen:
        parts[i].requires_grad_(False)
    chunked_loss(*parts, labels, budget=14).total.backward()
    for i, part in enumerate(parts):
        if i in frozen:
            assert part.grad is None
        else:
            torch.testing.assert_close(part.grad, expected[i], rtol=1e-12, atol=1e-13)


def test_without_a_bias_and_with_nothing_to_train() -> None:
    hidden, weight, _, labels = problem()
    found = chunked_loss(hidden, weight, None, labels, budget=14)
    expected = F.cross_entropy(hidden @ weight.T, labels, reduction="sum")
    assert float(found.total.detach()) == pytest.approx(float(expected.detach()), rel=1e-13)
    still = chunked_loss(hidden.detach(), weight.detach(), None, labels, budget=14)
    assert not still.total.requires_grad
    torch.testing.assert_close(still.total, found.total.detach(), rtol=1e-13, atol=0)
    assert torch.equal(still.best, (hidden @ weight.T).argmax(-1))


def test_a_weight_that_is_used_elsewhere_too_gets_both_gradients() -> None:
    hidden, weight, bias, labels = problem()

    def both(budget: int) -> Tensor:
        found = chunked_loss(hidden * weight.mean(), weight, bias, labels, budget=budget)
        return torch.autograd.grad(found.total, weight)[0]

    torch.testing.assert_close(both(14), both(10_000), rtol=1e-12, atol=1e-13)


def test_autocast_multiplies_in_bf16_and_keeps_gradients_in_float32() -> None:
    parts = [p.detach().float().requires_grad_() for p in problem()[:3]]
    labels = problem()[3]
    with torch.autocast("cpu", torch.bfloat16):
        chunks = chunked_loss(*parts, labels, budget=14).total
        whole = chunked_loss(*parts, labels).total
    ours, theirs = torch.autograd.grad(chunks, parts), torch.autograd.grad(whole, parts)
    exact = torch.autograd.grad(chunked_loss(*parts, labels).total, parts)
    for a, b, c in zip(ours, theirs, exact, strict=True):
        assert a.dtype == torch.float32
        torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2)
        assert not torch.equal(a, c)  # it was bf16 indeed


GAPS = [-1e4, -200.0, -17.0, -1.0, 0.0, 3.0, 9.0, 15.0, 17.0, 20.0, 40.0, 90.0, 200.0, 1e4]


def exact_focal(gap: float, gamma: float, smoothing: float) -> tuple[float, float]:
    """Loss and slope of two classes, the right one ``gap`` above the other, in 50 digits."""
    with mpmath.workdps(50):
        d, g, e = mpmath.mpf(gap), mpmath.mpf(gamma), mpmath.mpf(smoothing)
        right, wrong = mpmath.log1p(mpmath.exp(-d)), mpmath.log1p(mpmath.exp(d))
        p, q = mpmath.exp(-right), mpmath.exp(-wrong)
        cross = (1 - e / 2) * right + e / 2 * wrong
        slope = q**g * (e / 2 * p - (1 - e / 2) * q - g * p * cross)
        return float(q**g * cross), float(slope)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9, 1.0, 2.0, 5.0])
def test_focal_losses_of_sure_answers_are_exact(
    gamma: float, smoothing: float, dtype: torch.dtype
) -> None:
    """Where 1 - p has no digit left in float32, (1 - p)^0.1 is far from 0."""
    logits = torch.tensor([[gap, 0.0] for gap in GAPS], dtype=dtype, requires_grad=True)
    labels = torch.zeros(len(GAPS), dtype=torch.long)
    found = token_losses(logits, labels, focal_gamma=gamma, label_smoothing=smoothing)
    (slopes,) = torch.autograd.grad(found.sum(), logits)
    assert torch.isfinite(slopes).all()
    exact = [exact_focal(gap, gamma, float(torch.tensor(smoothing, dtype=dtype))) for gap in GAPS]
    losses, expected = torch.tensor(exact, dtype=torch.float64).T
    room = {"rtol": 1e-4, "atol": 1e-6} if dtype == torch.float32 else {
        "rtol": 1e-9, "atol": 1e-15,
    }  # fmt: skip
    torch.testing.assert_close(found.detach().double(), losses, **room)
    torch.testing.assert_close(slopes[:, 0].double(), expected, **room)
    torch.testing.assert_close(slopes[:, 1].double(), -expected, **room)


def test_focal_loss_where_no_other_class_is_possible() -> None:
    logits = torch.tensor([[1.0, -torch.inf], [1.0, 2.0]], requires_grad=True)
    found = token_losses(logits, torch.tensor([0, -100]), focal_gamma=0.5)
    (slopes,) = torch.autograd.grad(found.sum(), logits)
    assert found.tolist() == [0, 0]
    assert slopes.tolist() == [[0, 0], [0, 0]]
    alone = torch.tensor([[3.0]], requires_grad=True)
    token_losses(alone, torch.tensor([0]), focal_gamma=0.5).sum().backward()
    assert alone.grad is not None
    assert alone.grad.item() == 0


def test_sums_over_many_chunks_of_bfloat16_lose_nothing_small() -> None:
    hidden = torch.ones(600, 1, dtype=torch.bfloat16)
    weight = torch.zeros(2, 1, dtype=torch.bfloat16, requires_grad=True)
    labels = torch.zeros(600, dtype=torch.long)
    (grad,) = torch.autograd.grad(
        chunked_loss(hidden, weight, None, labels, budget=2).total, weight
    )
    assert grad.flatten().tolist() == [-300.0, 300.0]  # half of each row
