"""Sequences of unequal lengths in one array: lengths, masks, reversal, and pooling over time.

The sequences of a batch are one array (B, T, ...), each padded at its end; ``lengths`` (B,) are the
numbers of real steps. Without lengths every step is real.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any, cast

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Backprop, Booleans, Floats, Ints, Layer


class SequenceLayer(Layer):
    """A layer over (B, T, ...) that takes the lengths of the sequences."""

    def forward(
        self, X: Any, *, lengths: Ints | None = None, train: bool = False
    ) -> tuple[Floats, Backprop]:
        """The output for X, and the backward pass.

        Args:
            X: (B, T, ...).
            lengths: (B,), the real steps of each sequence; None: all are real.
            train: as in every layer.
        """
        raise NotImplementedError


class LastStep(SequenceLayer):
    """(B, T, D) -> (B, D): each sequence's last real step, zeros where there is none."""

    def forward(
        self, X: Any, *, lengths: Ints | None = None, train: bool = False
    ) -> tuple[Floats, Backprop]:
        B, T, D = map(int, X.shape)
        ends = np.full(B, T) if lengths is None else check_lengths(lengths, B, T)
        is_last = np.arange(T) == ends[:, None] - 1  # (B, T)
        Y = cast("Floats", X[np.arange(B), ends - 1] if T else np.zeros((B, D), X.dtype))
        Y = np.where((ends > 0)[:, None], Y, 0)  # (B, D); zeros where nothing is real

        def backprop(dY: Floats) -> Floats:
            return np.where(is_last[..., None], dY[:, None], 0)  # (B, T, D)

        return Y.astype(X.dtype, copy=False), backprop


class MeanOverTime(SequenceLayer):
    """(B, T, D) -> (B, D): the mean of each sequence's real steps, zeros where there is none."""

    def forward(
        self, X: Any, *, lengths: Ints | None = None, train: bool = False
    ) -> tuple[Floats, Backprop]:
        real = real_steps(lengths, *X.shape[:2])  # (B, T)
        share = real / np.maximum(real.sum(1, keepdims=True), 1)  # (B, T), each row sums to 1
        share = share.astype(X.dtype)[..., None]  # (B, T, 1)
        # Not X * share: padding may hold anything, and 0 times infinity is NaN.
        Y = np.sum(np.where(real[..., None], X, 0) * share, axis=1)  # (B, D)

        def backprop(dY: Floats) -> Floats:
            return share * dY[:, None]  # (B, T, 1) * (B, 1, D) -> (B, T, D)

        return Y, backprop


def lengths_of(ids: Ints, padding_id: int = 0) -> Ints:
    """The number of ids in each row before its padding. (B, T) -> (B,).

    Args:
        ids: (B, T).
        padding_id: what fills rows at their end. Inside a row it counts as any other id.
    """
    real = np.asarray(ids) != padding_id  # (B, T)
    if not real.shape[1]:
        return np.zeros(len(real), dtype=np.int64)
    behind = np.argmax(real[:, ::-1], axis=1)  # steps behind the last real one
    return np.where(real.any(axis=1), real.shape[1] - behind, 0)


def real_steps(lengths: Ints | None, B: int, T: int) -> Booleans:
    """(B, T), True where a step is real.

    Raises:
        ShapeError: see ``check_lengths``.
    """
    if lengths is None:
        return np.ones((B, T), dtype=bool)
    return np.arange(T) < check_lengths(lengths, B, T)[:, None]


def causal_mask(T: int, S: int | None = None) -> Booleans:
    """The mask by which no query sees a later key. -> (T, S), True = may attend.

    Args:
        T: queries; they are the last T of S positions.
        S: keys; T where it is None.

    Raises:
        ShapeError: there are more queries than keys, so the first would see nothing.
    """
    S = T if S is None else S
    if T > S:
        raise ShapeError(
            f"{T} queries and {S} keys",
            rule="with a causal mask the queries are the last of the keys' positions",
        )
    return np.tri(T, S, S - T, dtype=bool)


def reverse(X: Floats, lengths: Ints | None = None) -> Floats:
    """Each sequence backwards, its padding still at its end. (B, T, ...) -> (B, T, ...).

    It is its own inverse, and so its own gradient as well.

    Args:
        X: (B, T, ...).
        lengths: (B,).
    """
    if lengths is None:
        return X[:, ::-1]
    B, T = map(int, X.shape[:2])
    steps, ends = np.arange(T), check_lengths(lengths, B, T)[:, None]
    source = np.where(steps < ends, ends - 1 - steps, steps)  # (B, T)
    return X[np.arange(B)[:, None], source]


def check_lengths(lengths: Ints, B: int, T: int) -> Ints:
    """The lengths as an array.

    Raises:
        ShapeError: they are not whole numbers (B,) between 0 and T.
    """
    lengths = np.asarray(lengths)
    if lengths.shape != (B,) or not np.issubdtype(lengths.dtype, np.integer):
        raise ShapeError(
            f"lengths of shape {lengths.shape} and type {lengths.dtype} for {B} sequences",
            rule="lengths are whole numbers, one a sequence: (B,)",
        )
    if wrong := lengths[(lengths < 0) | (lengths > T)].tolist():
        raise ShapeError(
            f"a length of {wrong[0]} in an array of {T} steps",
            rule=f"a length lies between 0 and {T}",
        )
    return lengths
