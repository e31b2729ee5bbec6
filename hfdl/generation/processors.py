"""Rules about the next token: what may follow, what must, and what becomes less likely.

`Processor` makes one function of all rules that `Settings` ask for, in transformers' order. A rule
sees the sequences so far and scores (N, V): logits of greedy search and sampling, log-probabilities
of beams. N rows: the copies or beams of each of B prompts, standing together.

Padding never counts: a row of a padded batch is treated as that row alone. (transformers counts it
in lengths.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hfdl.errors import ConfigError
from hfdl.generation.settings import Settings
from hfdl.generation.warpers import warper

NOTHING = -1
"""Stands for padding among ids: it equals no token."""


@dataclass(frozen=True)
class State:
    """What is known when a token is chosen.

    Args:
        ids: everything so far, (N, T); ``NOTHING`` at padding.
        lengths: tokens of each row so far, prompts included, (N, 1).
        new: how many of them are new.
        first: tokens of each row's prompt, (N, 1).
        limits: new tokens that each row may get, (N, 1).
        sources: an encoder's tokens, (N, S); None of a model without one.
    """

    ids: Tensor
    lengths: Tensor
    new: int
    first: Tensor
    limits: Tensor
    sources: Tensor | None


Rule = Callable[[State, Tensor], Tensor]
"""(state, scores (N, V)) -> scores (N, V)."""


class Processor:
    """All rules of some settings, for B prompts.

    Args:
        settings: what is asked for.
        prompts: (B, T), with ``NOTHING`` at padding.
        sources: an encoder's tokens, (B, S), likewise; None of a model without one.
        limits: new tokens of each prompt, (B,).
        stop_tokens: what ends a sequence.
    """

    def __init__(
        self,
        settings: Settings,
        prompts: Tensor,
        sources: Tensor | None,
        limits: Tensor,
        stop_tokens: Sequence[int],
    ) -> None:
        self.rules = [*_rules(settings, stop_tokens), *_last_rules(settings)]
        self.prompts, self.sources, self.limits = prompts, sources, limits.view(-1, 1)
        self.first = (prompts != NOTHING).sum(1, keepdim=True)  # (B, 1)

    def __call__(self, written: Tensor, scores: Tensor) -> Tensor:
        """The scores (N, V) of what follows the new tokens ``written`` (N, L)."""
        if not self.rules:
            return scores
        copies = len(scores) // len(self.prompts)

        def each(rows: Tensor) -> Tensor:
            return rows.repeat_interleave(copies, dim=0)

        first, new = each(self.first), written.shape[1]
        state = State(
            torch.cat([each(self.prompts), written], dim=1), first + new, new, first,
            each(self.limits), None if self.sources is None else each(self.sources),
        )  # fmt: skip
        for rule in self.rules:
            scores = rule(state, scores)
        return scores


def _rules(s: Settings, stops: Sequence[int]) -> list[Rule]:
    """The rules of all searches, in transformers' order."""
    rules: list[Rule] = []
    if s.sequence_bias:
        rules.append(biased(dict(s.sequence_bias)))
    if s.encoder_repetition_penalty != 1:
        rules.append(source_penalty(1 / s.encoder_repetition_penalty))
    if s.repetition_penalty != 1:
        rules.append(lambda state, z: penalised(z, state.ids, s.repetition_penalty))
    if s.no_repeat_ngram_size:
        rules.append(lambda state, z: no_repeat(z, state.ids, state.ids, s.no_repeat_ngram_size))
    if s.encoder_no_repeat_ngram_size:
        rules.append(no_source_ngram(s.encoder_no_repeat_ngram_size))
    bad = {tuple(word): -float("inf") for word in s.bad_words_ids or ()}
    if bad := {word: bias for word, bias in bad.items() if word not in {(t,) for t in stops}}:
        rules.append(biased(bad))
    if stops and (s.min_length or s.min_new_tokens):
        rules.append(not_yet(stops, s.min_length, s.min_new_tokens))
    if s.forced_bos_token_id is not None:
        token = s.forced_bos_token_id
        rules.append(lambda state, z: forced(z, [token], state.lengths == 1))
    if s.forced_eos_token_id is not None:
        ends = _several(s.forced_eos_token_id)
        rules.append(lambda state, z: forced(z, ends, state.limits == state.new + 1))
    if s.remove_invalid_values:
        rules.append(lambda state, z: torch.nan_to_num(z, 0.0))
    if s.exponential_decay_length_penalty is not None and stops:
        rules.append(ending_gains(stops, *s.exponential_decay_length_penalty))
    if s.suppress_tokens:
        never = list(s.suppress_tokens)
        rules.append(lambda state, z: without(z, never))
    if s.begin_suppress_tokens:
        rules.append(not_first(list(s.begin_suppress_tokens), s.forced_bos_token_id is not None))
    return rules


def _last_rules(s: Settings) -> list[Rule]:
    """What narrows a distribution that is drawn from, and the last word: normalisation."""
    rules: list[Rule] = []
    if s.do_sample:
        warp = warper(
            s.temperature, s.top_k or None, s.top_p, min_p=s.min_p, typical_p=s.typical_p,
            top_h=s.top_h, epsilon_cutoff=s.epsilon_cutoff, eta_cutoff=s.eta_cutoff,
        )  # fmt: skip
        rules.append(lambda state, z: warp(z))
    if s.renormalize_logits:
        rules.append(lambda state, z: z.log_softmax(dim=-1))
    return rules


# ---- The rules -----------------------------------------------------------------------------------


def penalised(scores: Tensor, ids: Tensor, penalty: float) -> Tensor:
    """Make tokens that occur less likely: z / penalty above 0, z * penalty below.

    Keskar et al. 2019, section 4.1 (arXiv:1909.05858).

    Args:
        scores: (N, V).
        ids: (N, T); ids that are no token of V are passed over.
        penalty: above 1 less likely, below 1 more.
    """
    occurs = _marked(scores, ids, ids != NOTHING)
    return torch.where(occurs, torch.where(scores < 0, scores * penalty, scores / penalty), scores)


def source_penalty(penalty: float) -> Rule:
    """``penalised`` by the tokens of the source, or of the prompt where there is none."""

    def rule(state: State, scores: Tensor) -> Tensor:
        prompt = state.ids[:, : state.ids.shape[1] - state.new]
        return penalised(scores, prompt if state.sources is None else state.sources, penalty)

    return rule


def no_repeat(scores: Tensor, ids: Tensor, among: Tensor, size: int) -> Tensor:
    """Forbid tokens that would complete an n-gram for the second time (arXiv:1705.04304).

    Args:
        scores: (N, V).
        ids: what the next token follows, (N, T).
        among: where the n-grams are looked for, (N, S).
        size: n, at least 1.
    """
    if ids.shape[1] < size - 1 or among.shape[1] < size:
        return scores
    last = ids[:, ids.shape[1] - size + 1 :].unsqueeze(1)  # (N, 1, n - 1)
    windows = among.unfold(1, size, 1)  # (N, S - n + 1, n)
    found = ((windows[..., :-1] == last) & (windows[..., :-1] != NOTHING)).all(-1)
    return scores.masked_fill(
        _marked(scores, windows[..., -1], found & (windows[..., -1] != NOTHING)), -float("inf")
    )


def no_source_ngram(size: int) -> Rule:
    """Forbid n-grams of the source, or of the prompt where there is none."""

    def rule(state: State, scores: Tensor) -> Tensor:
        prompt = state.ids[:, : state.ids.shape[1] - state.new]
        return no_repeat(scores, state.ids, prompt if state.sources is None else state.sources,
                         size)  # fmt: skip

    return rule


def biased(biases: dict[tuple[int, ...], float]) -> Rule:
    """Add a number to the last token of each of some sequences, where the others precede it."""

    def rule(state: State, scores: Tensor) -> Tensor:
        bias = torch.zeros_like(scores)
        _refuse_unknown([tokens[-1] for tokens in biases], scores, "sequence_bias, bad_words_ids")
        for sequence, number in biases.items():
            *before, token = sequence
            if len(before) > state.ids.shape[1]:
                continue
            here = state.ids[:, state.ids.shape[1] - len(before) :]  # (N, before)
            rows = (here == here.new_tensor(before)).all(1)
            bias[rows, token] += number
        return scores + bias

    return rule


def not_yet(stops: Sequence[int], length: int, new: int) -> Rule:
    """Forbid to stop before a length, prompts included, and a number of new tokens."""

    def rule(state: State, scores: Tensor) -> Tensor:
        early = (state.lengths < length) | (state.new < new)  # (N, 1)
        return torch.where(early, without(scores, stops), scores)

    return rule


def not_first(tokens: list[int], behind_forced: bool) -> Rule:
    """Forbid tokens at the beginning, behind a token that is forced there."""

    def rule(state: State, scores: Tensor) -> Tensor:
        begin = (state.first <= 1).long() if behind_forced else torch.zeros_like(state.first)
        return torch.where(begin == state.new, without(scores, tokens), scores)

    return rule


def forced(scores: Tensor, tokens: Sequence[int], rows: Tensor) -> Tensor:
    """Leave nothing but some tokens, in the rows (N, 1)."""
    _refuse_unknown(tokens, scores, "forced_bos_token_id, forced_eos_token_id")
    only = torch.full_like(scores, -float("inf"))
    only[:, list(tokens)] = 0.0
    return torch.where(rows, only, scores)


def ending_gains(stops: Sequence[int], start: int, factor: float) -> Rule:
    """Lift the stop tokens by |z| (factor^(new - start) - 1), from ``start`` new tokens on."""

    def rule(state: State, scores: Tensor) -> Tensor:
        if state.new <= start:
            return scores
        ends = [token for token in stops if token < scores.shape[1]]
        gain = scores[:, ends].abs() * (factor ** (state.new - start) - 1)
        lifted = scores.clone()
        lifted[:, ends] += gain.masked_fill(~scores[:, ends].isfinite(), 0.0)
        return lifted

    return rule


def without(scores: Tensor, tokens: Iterable[int]) -> Tensor:
    """Scores (N, V) with some tokens made impossible."""
    result = scores.clone()
    result[:, [token for token in tokens if token < scores.shape[1]]] = -float("inf")
    return result


def _refuse_unknown(tokens: Iterable[int], scores: Tensor, where: str) -> None:
    """Refuse ids that the model has no score for."""
    vocabulary = scores.shape[1]
    for token in tokens:
        if not 0 <= token < vocabulary:
            raise ConfigError(
                f"there is no token {token}", where=where,
                rule=f"the model's tokens are 0 to {vocabulary - 1}",
                remedy="correct generation_config.json, or give the setting",
            )  # fmt: skip


def _marked(scores: Tensor, tokens: Tensor, where: Tensor) -> Tensor:
    """Which of V tokens are among ``tokens`` (N, T) at ``where`` (N, T); bool, (N, V)."""
    vocabulary = scores.shape[1]
    spare = torch.where(where, tokens.clamp(max=vocabulary), vocabulary)  # one place for the rest
    marks = torch.zeros(len(scores), vocabulary + 1, dtype=torch.bool, device=scores.device)
    return marks.scatter(1, spare, True)[:, :vocabulary]


def _several(ids: int | Sequence[int]) -> list[int]:
    return [ids] if isinstance(ids, int) else list(ids)
