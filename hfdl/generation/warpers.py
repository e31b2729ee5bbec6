"""Distributions made narrower before a token is drawn: pure functions of logits (..., V).

A token that may not be drawn gets the logit minus infinity. Applied in the order temperature,
top-k, top-p, these give the distribution that transformers' ``generate`` draws from.
"""

from __future__ import annotations

from torch import Tensor


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

    Holtzman et al. 2019, section 3.1 (arXiv:1904.09751). Seen from below, a token is dropped where
    it and all less probable ones together have at most 1 - p. The most probable one stays.

    Args:
        logits: (..., V).
        p: in (0, 1].
    """
    ascending, tokens = logits.sort(dim=-1)
    mass = ascending.softmax(dim=-1).cumsum(dim=-1)
    dropped = mass <= 1.0 - p
    dropped[..., -1] = False
    return logits.masked_fill(dropped.scatter(-1, tokens, dropped), -float("inf"))
