"""Beam search against exhaustive search, where both can be done."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from hfdl.generation.beam import beam_search
from hfdl.generation.ending import Ending
from hfdl.generation.sampling import greedy


def log_probability(table: Tensor, first: int, tokens: tuple[int, ...]) -> float:
    """Of a sequence of new tokens behind ``first``; the table is a ``Chain``'s."""
    log_probs = table.log_softmax(-1)
    pairs = enumerate(zip((first, *tokens[:-1]), tokens, strict=True))
    return float(sum(log_probs[i, a, b] for i, (a, b) in pairs))


def all_sequences(
    table: Tensor, first: int, length: int, stops: tuple[int, ...], penalty: float
) -> list[tuple[float, tuple[int, ...]]]:
    """Every sequence that ends with a stop token or at ``length``, best first, with its score."""
    found = {}
    for tokens in product(range(table.shape[-1]), repeat=length):
        cut = next((i + 1 for i, token in enumerate(tokens) if token in stops), length)
        tokens = tokens[:cut]
        found[tokens] = log_probability(table, first, tokens) / cut**penalty
    return sorted(((score, tokens) for tokens, score in found.items()), reverse=True)


@pytest.mark.parametrize("stops", [(), (3,), (1, 3)])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0, -0.5])
def test_with_beams_for_everything_it_is_exhaustive(
    chain: Callable[..., Any], stops: tuple[int, ...], penalty: float
) -> None:
    decoder = chain(vocabulary=4, batch=2, seed=7)
    found = beam_search(
        decoder, Ending(4, stops, pad_token_id=9), num_beams=256, length_penalty=penalty,
        early_stopping="never",
    )  # fmt: skip
    for row in range(2):
        best = all_sequences(decoder.table, row, 4, stops, penalty)[:5]
        for place, (score, tokens) in enumerate(best):
            length = int(found.lengths[row, place])
            assert tuple(found.tokens[row, place, :length].tolist()) == tokens
            assert found.tokens[row, place, length:].tolist() == [9] * (4 - length)
            assert found.scores[row, place].item() == pytest.approx(score, rel=1e-12)


def test_it_beats_greedy_search_where_greed_fails(chain: Callable[..., Any]) -> None:
    better = 0
    for seed in range(10):
        ending = Ending(6)
        tokens = torch.stack(list(greedy(chain(7, 1, seed), ending)), dim=1)[0].tolist()
        greedy_score = log_probability(chain(7, 1, seed).table, 0, tuple(tokens)) / 6
        found = beam_search(chain(7, 1, seed), ending, num_beams=4)
        assert found.scores[0, 0] >= greedy_score - 1e-12
        better += int(found.scores[0, 0] > greedy_score + 1e-6)
    assert better >= 3


@pytest.mark.parametrize("early_stopping", [True, False, "never"])
def test_hypotheses_come_best_first_and_finished(
    chain: Callable[..., Any], early_stopping: Any
) -> None:
    found = beam_search(chain(9, 3), Ending(8, (2, 5)), num_beams=4, early_stopping=early_stopping)
    assert found.finished.all()
    assert (found.scores.diff(dim=1) <= 0).all()
    assert len(found.tokens[0].unique(dim=0)) == 4


def test_early_stopping_stops_early(chain: Callable[..., Any]) -> None:
    steps = {}
    for early_stopping in (True, False, "never"):
        decoder = chain(5, 1, 1)
        beam_search(decoder, Ending(40, (2,)), num_beams=3, early_stopping=early_stopping)
        steps[early_stopping] = decoder.steps
    assert steps[True] < steps[False] < steps["never"]


@pytest.mark.parametrize("penalty", [0.0, -1.0])
def test_where_no_length_favours_a_sequence_never_waits_for_none(
    penalty: float, chain: Callable[..., Any]
) -> None:
    for seed in range(10):
        steps = []
        for early_stopping in (False, "never"):
            decoder = chain(5, 1, seed)
            beam_search(
                decoder, Ending(40, (2,)), num_beams=3, length_penalty=penalty,
                early_stopping=early_stopping,
            )  # fmt: skip
            steps.append(decoder.steps)
        assert steps[0] == steps[1] < 39


def test_a_longer_penalty_makes_longer_sequences(chain: Callable[..., Any]) -> None:
    mean = [
        beam_search(chain(5, 4, 2), Ending(12, (2,)), num_beams=4, length_penalty=penalty)
        .lengths[:, 0].double().mean().item()
        for penalty in (-2.0, 3.0)
    ]  # fmt: skip
    assert mean[0] < mean[1]


def test_a_prompt_does_not_depend_on_the_others(chain: Callable[..., Any]) -> None:
    ending = Ending(10, (2,))
    together = beam_search(chain(8, 3), ending, num_beams=3)
    for row in range(3):
        alone = chain(8, 3)
        alone.last = alone.last[row : row + 1]
        found = beam_search(alone, ending, num_beams=3)
        assert torch.equal(found.tokens[0], together.tokens[row])
        torch.testing.assert_close(found.scores[0], together.scores[row])
