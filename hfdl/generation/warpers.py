"""Narrowing the distribution before a token is drawn: pure functions of logits (..., V).

A token that cannot be drawn gets the logit minus infinity. Applied in the order of `warper`, these
give the distribution that transformers' ``generate`` draws from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

Warp = Callable[[Tensor], Tensor]
"""Logits (B, V) -> logits (B, V)."""
TOP_H_TOKENS = 100
"""Tokens that top-h looks at, as in transformers: the rest of the tail is dropped."""


def warper(
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    *,
    min_p: float | None = None,
    typical_p: float | None = None,
    top_h: float | None = None,
    epsilon_cutoff: float | None = None,
    eta_cutoff: float | None = None,
) -> Warp:
    """Temperature, top-h, top-k, top-p, min-p, typical, epsilon, eta; None leaves one out."""
    steps: list[Warp] = [lambda logits: apply_temperature(logits, temperature)]
    narrowings: tuple[tuple[Any, float | None], ...] = (
        (keep_top_h, top_h), (keep_top_k, top_k), (keep_top_p, top_p), (keep_min_p, min_p),
        (keep_typical, typical_p), (keep_epsilon, epsilon_cutoff), (keep_eta, eta_cutoff),
    )  # fmt: skip
    for keep, value in narrowings:
        if value is not None:
            steps.append(partial(_narrowed, keep, value))

    def warp(logits: Tensor) -> Tensor:
        for step in steps:
            logits = step(logits)
        return logits

    return warp


def _narrowed(keep: Any, value: float, logits: Tensor) -> Tensor:
    return keep(logits, value)


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """``p(y) ~ exp(z_y / temperature)``: below 1 sharper, above 1 flatter.

    The Boltzmann distribution of Ackley, Hinton and Sejnowski 1985
    (https://doi.org/10.1207/s15516709cog0901_7).

    Args:
        logits: z, (..., V).
        temperature: > 0.
    """
    return logits / temperature


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Keep the k most probable tokens (Fan et al. 2018, arXiv:1805.04833).

    Args:
        logits: (..., V).
        k: >= 1; all are kept where k exceeds V. Tokens equal to the k-th are kept too.
    """
    kth = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < kth, -float("inf"))


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the nucleus: the fewest tokens that together have probability p or more.

    Holtzman et al. 2019, section 3.1 (arXiv:1904.09751). A token is dropped where it and all less
    probable ones together have at most 1 - p. The most probable one stays.

    Args:
        logits: (..., V).
        p: in (0, 1].
    """
    ascending, tokens = logits.sort(dim=-1)
    mass = ascending.softmax(dim=-1).cumsum(dim=-1)
    dropped = mass <= 1.0 - p
    dropped[..., -1] = False
    return logits.masked_fill(dropped.scatter(-1, tokens, dropped), -float("inf"))


def keep_min_p(logits: Tensor, p: float) -> Tensor:
    """Keep tokens at least p times as probable as the likeliest (Nguyen et al., arXiv:2407.01082).

    Args:
        logits: (..., V).
        p: in [0, 1].
    """
    probabilities = logits.softmax(dim=-1)
    best = probabilities.amax(dim=-1, keepdim=True)
    return _without(logits, probabilities < p * best)


def keep_typical(logits: Tensor, mass: float) -> Tensor:
    """Keep the tokens whose surprise is nearest the entropy (Meister et al., arXiv:2202.00666).

    Args:
        logits: (..., V).
        mass: the probability that they have together, in (0, 1); 1 keeps all.
    """
    if mass >= 1:
        return logits
    log_probs = logits.log_softmax(dim=-1)
    entropy = -(log_probs * log_probs.exp()).nansum(-1, keepdim=True)
    distance, order = (-log_probs - entropy).abs().sort(dim=-1)
    reached = logits.gather(-1, order).softmax(dim=-1).cumsum(dim=-1)
    last = (reached < mass).sum(dim=-1, keepdim=True).clamp(max=logits.shape[-1] - 1)
    dropped = distance > distance.gather(-1, last)
    dropped[..., 0] = False
    return logits.masked_fill(dropped.scatter(-1, order, dropped), -float("inf"))


def keep_top_h(logits: Tensor, share: float) -> Tensor:
    """Keep the likeliest tokens within a share of the entropy (arXiv:2509.02510).

    Args:
        logits: (..., V).
        share: of the entropy of the first 100 tokens, in (0, 1].
    """
    top, tokens = logits.topk(min(TOP_H_TOKENS, logits.shape[-1]), dim=-1)
    log_probs = top - top.logsumexp(dim=-1, keepdim=True)
    probabilities = log_probs.softmax(dim=-1)
    least = torch.finfo(log_probs.dtype).min
    entropy = -(log_probs.clamp(min=least) * probabilities).sum(-1, keepdim=True)
    reached = torch.special.entr(probabilities).cumsum(dim=-1)
    kept = reached <= share * entropy
    kept[..., 0] = True
    every = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, tokens, kept)
    return logits.masked_fill(~every, -float("inf"))


def keep_epsilon(logits: Tensor, epsilon: float) -> Tensor:
    """Keep tokens of probability epsilon or more (Hewitt et al. 2022, arXiv:2210.15191).

    Args:
        logits: (..., V).
        epsilon: in [0, 1); 0 keeps all.
    """
    return logits if epsilon <= 0 else _without(logits, logits.softmax(dim=-1) < epsilon)


def keep_eta(logits: Tensor, epsilon: float) -> Tensor:
    """As ``keep_epsilon``, with a threshold that falls with the entropy (the same paper).

    Args:
        logits: (..., V).
        epsilon: in [0, 1); 0 keeps all.
    """
    if epsilon <= 0:
        return logits
    probabilities = logits.softmax(dim=-1)
    entropy = torch.special.entr(probabilities).sum(-1, keepdim=True)
    threshold = (epsilon**0.5 * (-entropy).exp()).clamp(max=epsilon)
    return _without(logits, probabilities < threshold)


def _without(logits: Tensor, dropped: Tensor) -> Tensor:
    """The logits without some tokens; the most probable one stays."""
    best = logits.argmax(dim=-1, keepdim=True)
    return logits.masked_fill(dropped.scatter(-1, best, False), -float("inf"))
