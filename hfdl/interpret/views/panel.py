"""The data of a view: attention maps of one model or two, and how far each head has moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hfdl.errors import ModelError
from hfdl.interpret.capture import Kind


@dataclass(frozen=True, eq=False)
class Panel:
    """The attention maps of a text, with its tokens in words.

    Args:
        kind: self-attention of an encoder or a decoder, or cross-attention.
        tokens: the T tokens that attend.
        sources: the S tokens that are attended to.
        layers: (H, T, S) for each layer.
        compared: the same of a second model, if there is one.
    """

    kind: Kind
    tokens: tuple[str, ...]
    sources: tuple[str, ...]
    layers: tuple[np.ndarray, ...]
    compared: tuple[np.ndarray, ...] | None = None

    @property
    def heads(self) -> int:
        """Heads in a layer; the most of them where layers differ."""
        return max(len(layer) for layer in self.layers)

    def drawn(self, layer: int) -> np.ndarray:
        """A layer of a still picture (H, T, S): weights, or second minus first."""
        first = self.layers[layer]
        return first if self.compared is None else self.compared[layer] - first

    def most_changed(self) -> tuple[int, int | None]:
        """Layer and head that differ most; the mean of layer 0 where nothing is compared."""
        divergences = self.divergences()
        if divergences is None:
            return 0, None
        layer, head = np.unravel_index(divergences.argmax(), divergences.shape)
        return int(layer), int(head)

    def divergences(self) -> np.ndarray | None:
        """How far each head has moved (L, H), in bits; None where there is nothing to compare."""
        return None if self.compared is None else head_divergences(self.layers, self.compared)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    r"""Jensen-Shannon divergence of distributions, in bits: 0 where they agree, 1 at most.

    .. math:: JS(p, q) = \tfrac12 \sum_s p_s \log_2 \frac{p_s}{m_s}
        + \tfrac12 \sum_s q_s \log_2 \frac{q_s}{m_s}, \qquad m = \tfrac12 (p + q)

    Unlike Kullback-Leibler's it is symmetric, and finite where one of the two is zero. Lin, 1991,
    "Divergence Measures Based on the Shannon Entropy", IEEE Transactions on Information Theory
    37(1), section IV.

    Args:
        p: (..., S), each row a distribution.
        q: (..., S).

    Returns:
        (...), computed in float64.
    """
    wide_p, wide_q = p.astype(np.float64), q.astype(np.float64)
    middle = (wide_p + wide_q) / 2
    divergence = (_relative_entropy(wide_p, middle) + _relative_entropy(wide_q, middle)) / 2
    return np.clip(divergence, 0.0, 1.0)  # rounding leaves equal rows at -1e-17


def head_divergences(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> np.ndarray:
    """The Jensen-Shannon divergence of each head, averaged over the tokens that attend.

    Args:
        first: for each of L layers (H, T, S).
        second: the same tokens seen by the other model.

    Returns:
        (L, H), in bits.

    Raises:
        ModelError: the two have other numbers of layers, heads or tokens.
    """
    shapes = [[layer.shape for layer in layers] for layers in (first, second)]
    if shapes[0] != shapes[1]:
        raise ModelError(
            f"the models' attention cannot be compared: {_sizes(first)} and {_sizes(second)}",
            rule="both need the same layers, heads and tokens",
            remedy="compare a model with one that was trained from it",
        )
    pairs = zip(first, second, strict=True)
    return np.stack([jensen_shannon(p, q).mean(axis=-1) for p, q in pairs])  # (L, H, T) -> (L, H)


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence in bits, with 0 log 0 = 0; q is positive wherever p is."""
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    return (p * np.log2(ratio)).sum(axis=-1)


def _sizes(layers: Sequence[np.ndarray]) -> str:
    heads, targets, sources = layers[0].shape
    return f"{len(layers)} layers of {heads} heads over {targets} x {sources} tokens"
