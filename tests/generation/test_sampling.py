"""Draws follow the distribution, repeat, and belong to their row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from hfdl.generation.ending import Ending
from hfdl.generation.generate import generate
from hfdl.generation.sampling import Draw, sample
from hfdl.generation.warpers import warper


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(1.0, None, None), (0.7, 6, None), (1.5, None, 0.8)]
)
def test_frequencies_follow_the_distribution(
    temperature: float, top_k: int | None, top_p: float | None
) -> None:
    logits = torch.randn(1, 12, generator=torch.Generator().manual_seed(3))
    warped = warper(temperature, top_k, top_p)(logits)
    draw, n = Draw(seed=11, prompts=40), 250
    drawn = torch.cat([draw(warped.expand(40, -1)) for _ in range(n)])
    counts = torch.bincount(drawn, minlength=12)
    expected = warped.double().softmax(1)[0] * 40 * n
    possible = expected > 0
    assert counts.sum() == 40 * n
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible].numpy(), expected[possible].numpy()).pvalue > 0.01
    wrong = torch.full_like(expected[possible], 40 * n / int(possible.sum()))
    assert chisquare(counts[possible].numpy(), wrong.numpy()).pvalue < 1e-6


def test_the_token_is_the_inverse_of_the_cumulative_distribution() -> None:
    logits = torch.randn(3, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    twin = Draw(seed=5, prompts=3)
    uniform = [torch.rand(1, generator=g, dtype=torch.float64).item() for g in twin.generators]
    cumulative = np.exp(logits.numpy()).cumsum(1)
    expected = [
        int(np.argmax(row > u * row[-1])) for row, u in zip(cumulative, uniform, strict=True)
    ]
    assert Draw(seed=5, prompts=3)(logits).tolist() == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
def test_impossible_tokens_are_never_drawn(uniform: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ends of the unit interval are where a token of no probability could slip in."""
    inf, vocabulary = float("inf"), 1001
    logits = torch.randn(5, vocabulary, generator=torch.Generator().manual_seed(1))
    logits[:, :400] = logits[:, 600:] = -inf
    given = torch.tensor([uniform], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: given)
    expected = {0.0: 400, 1 - 2**-53: 599}
    drawn = Draw(seed=0, prompts=5)(logits)
    assert ((drawn >= 400) & (drawn < 600)).all()
    assert uniform == 0.5 or drawn.tolist() == [expected[uniform]] * 5


def test_every_stream_is_another() -> None:
    first = [
        torch.rand(1, generator=generator, dtype=torch.float64).item()
        for seed in range(20)
        for generator in Draw(seed, prompts=5, copies=3).generators
    ]
    assert len(first) == len(set(first)) == 300


def test_a_row_does_not_depend_on_the_others(chain: Callable[..., Any]) -> None:
    def drawn(batch: int, copies: int) -> Tensor:
        steps = sample(
            chain(vocabulary=50, batch=batch), Ending(9), warper(), Draw(4, batch, copies),
            copies=copies,
        )  # fmt: skip
        return torch.stack(list(steps), dim=1).view(batch, copies, 9)

    everything = drawn(3, 2)
    assert torch.equal(drawn(1, 1)[0, 0], everything[0, 0])
    assert torch.equal(drawn(2, 1)[1, 0], everything[1, 0])
    assert torch.equal(drawn(2, 2), everything[:2])


def test_a_seed_repeats_and_another_does_not(
    tiny: Callable[..., Any], prompts: Callable[..., tuple[Tensor, Tensor]]
) -> None:
    model, (ids, mask) = tiny("gpt2"), prompts()
    first = generate(model, ids, mask, do_sample=True, seed=1)
    torch.rand(7)
    assert torch.equal(generate(model, ids, mask, do_sample=True, seed=1), first)
    assert not torch.equal(generate(model, ids, mask, do_sample=True, seed=2), first)


def test_no_seed_takes_one_from_torch(
    tiny: Callable[..., Any], prompts: Callable[..., tuple[Tensor, Tensor]]
) -> None:
    model, (ids, mask) = tiny("gpt2"), prompts()
    torch.manual_seed(8)
    first, second = (generate(model, ids, mask, do_sample=True) for _ in range(2))
    torch.manual_seed(8)
    assert torch.equal(generate(model, ids, mask, do_sample=True), first)
    assert not torch.equal(second, first)


def test_a_seed_leaves_torchs_generator_alone(
    tiny: Callable[..., Any], prompts: Callable[..., tuple[Tensor, Tensor]]
) -> None:
    model, (ids, mask) = tiny("gpt2"), prompts()
    before = torch.get_rng_state()
    generate(model, ids, mask, do_sample=True, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_one_choice_left_is_greedy(
    tiny: Callable[..., Any], prompts: Callable[..., tuple[Tensor, Tensor]]
) -> None:
    model, (ids, mask) = tiny("llama"), prompts()
    greedy = generate(model, ids, mask)
    narrow: dict[str, Any]
    for narrow in ({"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-6}):
        assert torch.equal(generate(model, ids, mask, do_sample=True, seed=3, **narrow), greedy)


def test_copies_of_a_prompt_stand_together(
    tiny: Callable[..., Any],
    prompts: Callable[..., tuple[Tensor, Tensor]],
    forwards: Callable[[Any], list[tuple[int, int]]],
) -> None:
    model, (ids, mask) = tiny("llama"), prompts()
    calls = forwards(model)
    out = generate(
        model, ids, mask, do_sample=True, seed=1, num_return_sequences=4, max_new_tokens=5
    )
    assert torch.equal(out[:, :7], ids.repeat_interleave(4, dim=0))
    assert len(out.unique(dim=0)) > 6
    assert calls == [(3, 7), *[(12, 1)] * 4], "each prompt is read once, for all its copies"
