"""The rules about the next token are those of transformers' ``generate``, ids and probabilities."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.generation import logits_process as theirs

from hfdl.generation import generate, generate_with_scores
from hfdl.generation import warpers as ours

Prompts = Callable[..., tuple[Tensor, Tensor]]
KINDS = ["gpt2", "llama", "marian", "t5"]
STOPS = [3, 5]
RULES: dict[str, dict[str, Any]] = {
    "repetition": {"repetition_penalty": 1.7},
    "repetition below 1": {"repetition_penalty": 0.6},
    "source": {"encoder_repetition_penalty": 1.8},
    "unigrams": {"no_repeat_ngram_size": 1},
    "bigrams": {"no_repeat_ngram_size": 2},
    "trigrams": {"no_repeat_ngram_size": 3},
    "source bigrams": {"encoder_no_repeat_ngram_size": 2},
    "source unigrams": {"encoder_no_repeat_ngram_size": 1},
    "bad words": {"bad_words_ids": [[7], [12, 30], [4, 9, 11], [5], [28], [17]]},
    "bias": {"sequence_bias": [[[6], -5.0], [[11, 22], 4.0], [[30], 3.0], [[30, 30], -9.0]]},
    "new tokens": {"min_new_tokens": 5},
    "length": {"min_length": 11},
    "first": {"forced_bos_token_id": 17},
    "last": {"forced_eos_token_id": 3},
    "last of two": {"forced_eos_token_id": [3, 5]},
    "decay": {"exponential_decay_length_penalty": (2, 1.6)},
    "suppressed": {"suppress_tokens": [*range(6, 30)]},
    "suppressed at first": {"begin_suppress_tokens": [*range(30)]},
    "behind the first": {"forced_bos_token_id": 9, "begin_suppress_tokens": [*range(34)]},
    "finite": {"remove_invalid_values": True, "suppress_tokens": [*range(6, 20)]},
    "normal": {"renormalize_logits": True, "suppress_tokens": [*range(6, 20)]},
    "several": {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "min_new_tokens": 3,
                "bad_words_ids": [[8], [20, 21]], "forced_eos_token_id": 3},
}  # fmt: skip
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "penalty": {"num_beams": 4, "length_penalty": 0.4, "early_stopping": True},
}


def run_theirs(model: Any, ids: Tensor, **settings: Any) -> tuple[Tensor, Tensor, Any]:
    """Sequences, log-probabilities of the new tokens, and the scores of beams."""
    settings = {k: dict_of_biases(v) if k == "sequence_bias" else v for k, v in settings.items()}
    found = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=9, output_scores=True,
        output_logits=True, return_dict_in_generate=True, **{"do_sample": False, **settings},
    )  # fmt: skip
    beams = getattr(found, "beam_indices", None)
    scores = model.compute_transition_scores(
        found.sequences, found.scores, beams, normalize_logits=beams is None
    )
    return found.sequences, scores, getattr(found, "sequences_scores", None)


def dict_of_biases(biases: list[Any]) -> dict[tuple[int, ...], float]:
    return {tuple(sequence): bias for sequence, bias in biases}


@pytest.mark.parametrize("kind", KINDS)
def test_ids_and_probabilities_equal_transformers(
    kind: str, tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model = tiny(kind, 1, eos_token_id=STOPS)
    ids = prompts()[0][2:]  # the row without padding
    plain, different, compared = {}, set(), 0
    for (rule, settings), (search, how) in itertools.product(RULES.items(), SEARCHES.items()):
        expected, log_probs, scores = run_theirs(model, ids, **settings, **how)
        found = generate_with_scores(model, ids, max_new_tokens=9, **settings, **how)
        assert torch.equal(found.sequences, expected), (rule, search)
        width = log_probs.shape[1]
        mine = found.token_log_probs[:, :width]
        torch.testing.assert_close(mine, log_probs * (mine != 0), atol=1e-6, rtol=1e-6)
        if scores is not None:
            torch.testing.assert_close(found.sequence_scores, scores, atol=5e-6, rtol=5e-6)
        if search not in plain:
            plain[search] = generate(model, ids, max_new_tokens=9, **how)
        if not (expected.shape == plain[search].shape and torch.equal(expected, plain[search])):
            different.add(rule)
        compared += 1
    assert compared == 66
    idle = {"first", "behind the first"} if kind in ("gpt2", "llama") else {"length"}
    assert len(RULES.keys() - different - idle) <= 8, RULES.keys() - different


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_the_first_token_is_forced_behind_a_single_one(kind: str, tiny: Callable[..., Any]) -> None:
    model, one = tiny(kind, 1, eos_token_id=STOPS), torch.tensor([[1]])
    for how in SEARCHES.values():
        for rule in ("first", "behind the first"):
            expected, _, _ = run_theirs(model, one, **RULES[rule], **how)
            assert expected[0, 1] == RULES[rule]["forced_bos_token_id"]
            assert torch.equal(generate(model, one, max_new_tokens=9, **RULES[rule], **how),
                               expected)  # fmt: skip


@pytest.mark.parametrize("kind", ["llama", "marian"])
@pytest.mark.parametrize("search", ["greedy", "penalty"])
def test_a_row_of_a_padded_batch_equals_the_row_alone(
    kind: str, search: str, tiny: Callable[..., Any], prompts: Prompts
) -> None:
    seq2seq = kind in ("marian", "t5")
    model = tiny(kind, 1, eos_token_id=STOPS)
    ids, mask = prompts("right" if seq2seq else "left")
    how, limits = {**SEARCHES[search], "num_return_sequences": 1}, [9, 6, 7]
    compared = 0
    for rule, settings in RULES.items():
        if rule == "last of two":  # two that are equally good: any of them
            continue
        together = generate_with_scores(model, ids, mask, max_new_tokens=limits, **settings, **how)
        for row, limit in enumerate(limits):
            alone = generate_with_scores(
                model, ids[row : row + 1, mask[row].bool()], max_new_tokens=limit, **settings, **how
            )
            length = int(alone.lengths[0])
            assert int(together.lengths[row]) == length <= limit
            assert torch.equal(together.new_tokens[row, :length], alone.new_tokens[0, :length])
            torch.testing.assert_close(
                together.sequence_scores[row], alone.sequence_scores[0], atol=1e-5, rtol=1e-5
            )
            compared += 1
    assert compared == 63


def test_draws_are_scored_by_the_distribution_that_they_come_from(
    tiny: Callable[..., Any], prompts: Prompts
) -> None:
    model, ids = tiny("llama", 1), prompts()[0][2:]
    settings: dict[str, Any] = {
        "temperature": 1.4, "top_k": 12, "top_p": 0.9, "repetition_penalty": 1.2,
    }  # fmt: skip
    found = generate_with_scores(
        model, ids, max_new_tokens=6, do_sample=True, seed=3, num_return_sequences=3, **settings
    )
    total = torch.zeros(3)
    for place in range(6):
        before: Any = found.sequences[:, : 7 + place]
        logits = model(before).logits[:, -1].float()
        z = theirs.RepetitionPenaltyLogitsProcessor(1.2)(before, logits)
        for warp in (theirs.TemperatureLogitsWarper(1.4), theirs.TopKLogitsWarper(12),
                     theirs.TopPLogitsWarper(0.9)):  # fmt: skip
            z = warp(before, z)
        expected = z.log_softmax(-1).gather(1, found.new_tokens[:, place : place + 1]).squeeze(1)
        torch.testing.assert_close(found.token_log_probs[:, place], expected, atol=1e-5, rtol=1e-5)
        total += expected
    torch.testing.assert_close(found.sequence_scores, total, atol=1e-5, rtol=1e-5)


WARPERS: list[tuple[Callable[[Tensor, float], Tensor], Any, list[float]]] = [
    (ours.keep_min_p, theirs.MinPLogitsWarper, [0.01, 0.1, 0.5, 1.0]),
    (ours.keep_typical, theirs.TypicalLogitsWarper, [0.05, 0.3, 0.7, 0.99]),
    (ours.keep_top_h, theirs.TopHLogitsWarper, [0.05, 0.4, 1.0]),
    (ours.keep_epsilon, theirs.EpsilonLogitsWarper, [1e-4, 0.01, 0.3]),
    (ours.keep_eta, theirs.EtaLogitsWarper, [1e-4, 0.01, 0.3]),
]


@pytest.mark.parametrize(("mine", "other", "values"), WARPERS)
def test_warpers_keep_what_transformers_keeps(
    mine: Callable[[Tensor, float], Tensor], other: Any, values: list[float]
) -> None:
    narrowed = 0
    for value, (rows, width) in itertools.product(values, [(1, 1), (3, 9), (4, 130)]):
        logits = 3 * torch.randn(rows, width, generator=torch.Generator().manual_seed(width))
        expected = other(value)(None, logits)
        assert torch.equal(mine(logits, value), expected), (value, width)
        narrowed += int((expected == -float("inf")).sum())
    assert narrowed > 100
